"""The finished data set in its folder: rows, card, Croissant metadata, recipe, calibration and report."""

# pyarrow and huggingface_hub are typed in part
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
import re
from collections import Counter
from typing import Any, cast

from misfire.datasets.folders import FolderKind, replaced_folder
from misfire.datasets.misalign.instances import Split
from misfire.errors import InputError
from misfire.savacu.build_view import BuildView
from misfire.savacu.publish.card import card
from misfire.savacu.publish.croissant import croissant
from misfire.savacu.publish.rows import COLUMNS, PublishReport, column_kinds, passed_pairs, write_rows
from misfire.savacu.recipe import Recipe, public_text

DATASET = FolderKind(
    "data set",
    re.compile(r"README\.md|(croissant|recipe|calibration|report)\.json|data/[^/]+\.parquet"),
    "move them away, and run --stages publish. The stages before are kept.",
)
"""The folder of a data set."""


def write_dataset(view: BuildView) -> PublishReport:
    """Write the data set of a build into its folder ``dataset``; an earlier one is replaced when the new one is whole.

    Files in the folder that are not of the data set stay. Files of it that were edited are not replaced.

    Args:
        view: The build, with its split done.

    Returns:
        What was written.

    Raises:
        InputError: A stage before is not complete, the folder cannot be written, or files of it were edited.
    """
    splits = view.splits()
    counts: Counter[Split] = Counter(splits[pair.prompt_id] for pair in passed_pairs(view, splits))
    if not counts:
        raise InputError(f"{view.folder}: no pair passed, so there is nothing to publish. `misfire savacu status` says why.")
    target, manifest = view.folder / "dataset", view.folder / "dataset.json"
    # versions before 0.2 wrote no manifest; their report says that the folder is theirs
    earlier = not manifest.exists() and (target / "report.json").is_file()
    with replaced_folder(target, DATASET, overwrite=earlier, manifest=manifest) as new:
        (new / "data").mkdir()
        report = write_rows(view, splits, counts, new)
        (new / "README.md").write_text(card(view, report), encoding="utf-8")
        told = view.recipe.publish
        metadata = croissant(told.name, told.licence, told.repository, view.recipe.hash, report.files, COLUMNS, column_kinds())
        (new / "croissant.json").write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
        (new / "recipe.json").write_text(json.dumps(public_recipe(view.recipe), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if view.calibration is not None:
            (new / "calibration.json").write_text(view.calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (new / "report.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report


def public_recipe(recipe: Recipe) -> dict[str, Any]:
    """A recipe as it is published: without places of the builder's machine.

    Args:
        recipe: The recipe.

    Returns:
        The recipe as JSON, each text as ``public_text`` gives it, and without addresses of servers.
    """

    def shown(value: Any) -> Any:  # noqa: ANN401 (JSON)
        if isinstance(value, dict):
            return {name: shown(field) for name, field in cast("dict[str, Any]", value).items() if name != "base_url"}
        if isinstance(value, list):
            return [shown(entry) for entry in cast("list[Any]", value)]
        return public_text(value) if isinstance(value, str) else value

    return shown(recipe.model_dump(mode="json"))
