"""The data set that was published before: its prompts keep their split, and new near-duplicates follow them."""

from pathlib import Path

from misfire.datasets.misalign.instances import Split
from misfire.datasets.parquet import stream_parquet
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.savacu.calls import Record
from misfire.savacu.recipe import Recipe


class PublishedPrompt(Record):
    """A prompt of a data set that was published before.

    Attributes:
        id: Content id.
        text: The prompt.
        split: Its split.
    """

    id: str
    text: str
    split: Split


def published_prompts(folder: Path) -> list[PublishedPrompt]:
    """The prompts of a data set that was published before.

    Args:
        folder: Its folder, or one with its Parquet files.

    Returns:
        By their ids, each once.

    Raises:
        InputError: There are no such files, or a prompt is in two splits.
    """
    found: dict[str, PublishedPrompt] = {}
    files = sorted(folder.rglob("*.parquet"))
    advice = "[split] previous should name the folder of a data set that was published before, such as build/dataset."
    if not files:
        raise InputError(f"{folder}: holds no Parquet files. {advice}")
    for file in files:
        try:
            for row in stream_parquet(file, ["prompt_id", "prompt", "split"]):
                told = PublishedPrompt.model_validate({"id": row["prompt_id"], "text": row["prompt"], "split": row["split"]})
                other = found.setdefault(told.id, told)
                if other != told:
                    raise InputError(f"{file}: prompt {told.id} has the split {told.split!r}, and {other.split!r} elsewhere.")
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InputError(f"{file}: is no file of a published data set ({reason}). {advice}") from error
    return [found[name] for name in sorted(found)]


def previous_prompts(recipe: Recipe) -> list[PublishedPrompt]:
    """The prompts of the data set that a recipe names as built before; empty if it names none.

    Raises:
        InputError: The data set cannot be used.
    """
    folder = recipe.split.previous
    return published_prompts(user_path(folder)) if folder else []
