"""Reads the prompts of a previous data set.

They keep their splits, and new near-duplicates of them join the same split.
"""

from pathlib import Path

from misfire.datasets.misalign.instances import Split
from misfire.datasets.parquet import stream_parquet
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.savacu.calls import Record
from misfire.savacu.recipe import Recipe


class PublishedPrompt(Record):
    """A prompt of a previous data set.

    Attributes:
        id: Content id.
        text: The prompt.
        split: Its split.
    """

    id: str
    text: str
    split: Split


def published_prompts(folder: Path) -> list[PublishedPrompt]:
    """Read the prompts of a previous data set.

    Args:
        folder: The folder of the data set, or any folder with its Parquet files.

    Returns:
        The prompts, sorted by id and without repetition.

    Raises:
        InputError: The folder has no Parquet files, a file is not part of a data set, or a prompt is in two
            splits.
    """
    found: dict[str, PublishedPrompt] = {}
    files = sorted(folder.rglob("*.parquet"))
    advice = (
        "[split] previous should be the folder of a data set that was published earlier, such as "
        "build/dataset."
    )
    if not files:
        raise InputError(f"{folder}: contains no Parquet files. {advice}")
    for file in files:
        try:
            for row in stream_parquet(file, ["prompt_id", "prompt", "split"]):
                prompt = PublishedPrompt.model_validate(
                    {"id": row["prompt_id"], "text": row["prompt"], "split": row["split"]}
                )
                other = found.setdefault(prompt.id, prompt)
                if other != prompt:
                    raise InputError(
                        f"{file}: prompt {prompt.id} has the split {prompt.split!r} here and {other.split!r} "
                        "elsewhere."
                    )
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InputError(f"{file}: is not a file of a published data set ({reason}). {advice}") from error
    return [found[name] for name in sorted(found)]


def previous_prompts(recipe: Recipe) -> list[PublishedPrompt]:
    """Read the prompts of the previous data set that a recipe names. The list is empty if it names none.

    Raises:
        InputError: The data set cannot be used; see ``published_prompts``.
    """
    folder = recipe.split.previous
    return published_prompts(user_path(folder)) if folder else []
