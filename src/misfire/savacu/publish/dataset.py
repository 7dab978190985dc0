"""Writes the finished data set: rows, card, Croissant metadata, recipe, calibration, and report."""

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
"""The kind of folder that holds a data set, with the names of its files."""


def write_dataset(view: BuildView) -> PublishReport:
    """Write the data set of a build to the subfolder ``dataset``.

    An existing data set is replaced once the new one is complete.

    Other files in the folder are kept. If files of the existing data set were edited, it is not replaced.

    Args:
        view: The build. Its stage "split" must be complete.

    Returns:
        A report on the rows that were written.

    Raises:
        InputError: An earlier stage is not complete, the folder is not writable, or files of the existing
            data set were edited.
    """
    splits = view.splits()
    counts: Counter[Split] = Counter(splits[pair.prompt_id] for pair in passed_pairs(view, splits))
    if not counts:
        raise InputError(
            f"{view.folder}: no pair passed, so there is nothing to publish. `misfire savacu status` "
            "shows why."
        )
    target, manifest = view.folder / "dataset", view.folder / "dataset.json"
    # versions before 0.2 wrote no manifest: there, report.json shows that the folder holds a data set
    earlier = not manifest.exists() and (target / "report.json").is_file()
    with replaced_folder(target, DATASET, overwrite=earlier, manifest=manifest) as new:
        (new / "data").mkdir()
        report = write_rows(view, splits, counts, new)
        (new / "README.md").write_text(card(view, report), encoding="utf-8")
        publish = view.recipe.publish
        metadata = croissant(
            publish.name,
            publish.licence,
            publish.repository,
            view.recipe.hash,
            report.files,
            COLUMNS,
            column_kinds(),
        )
        (new / "croissant.json").write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
        (new / "recipe.json").write_text(
            json.dumps(public_recipe(view.recipe), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        if view.calibration is not None:
            (new / "calibration.json").write_text(
                view.calibration.model_dump_json(indent=2) + "\n", encoding="utf-8"
            )
        (new / "report.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report


def public_recipe(recipe: Recipe) -> dict[str, Any]:
    """Convert a recipe to JSON for publication, without paths and server addresses (see ``public_text``)."""

    def shown(value: Any) -> Any:  # noqa: ANN401 (JSON)
        if isinstance(value, dict):
            return {
                name: shown(field)
                for name, field in cast("dict[str, Any]", value).items()
                if name != "base_url"
            }
        if isinstance(value, list):
            return [shown(entry) for entry in cast("list[Any]", value)]
        return public_text(value) if isinstance(value, str) else value

    return shown(recipe.model_dump(mode="json"))
