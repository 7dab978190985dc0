"""Reads prompts with known labels, which are used for calibration.

Labels are matched to prompts by content id.
"""

from typing import Any, cast

from misfire.datasets.json_rows import Fault
from misfire.datasets.misalign.taxonomy import CLASSIFIER_REJECT, DIMENSIONS, Dimension, label_key, resolve
from misfire.datasets.record_errors import raise_problems, shorten
from misfire.errors import InputError
from misfire.savacu.prompts import content_id, normalize
from misfire.savacu.recipe import LabeledFile
from misfire.savacu.sources import Source, source_rows

ADVICE = (
    "Labels are names or ids of domains separated by ';', or None. Correct these rows, or set the "
    "columns in [classify.calibration]."
)

KnownLabels = dict[str, dict[Dimension, tuple[str, ...]]]
"""For each content id and each known dimension, the ids of the domains that the prompt touches."""


def read_labels(file: LabeledFile) -> KnownLabels:
    """Read labeled prompts.

    Args:
        file: The file and its columns.

    Returns:
        The labels. If a text occurs in several rows, its labels are merged. A dimension for which the
        original classifier gave no answer ("Unknown") is left out.

    Raises:
        InputError: The file cannot be read, or contains labels that are not domains. The error lists all bad
            rows.
    """
    columns: dict[Dimension, str] = {"safety": file.safety, "value": file.value, "culture": file.culture}
    source = Source(path=file.path, prompt=file.prompt)
    known: KnownLabels = {}
    problems: list[str] = []
    for row in source_rows(source, tuple(columns.values())):
        record = row.record
        if isinstance(record, Fault):
            problems.append(f"{row.place}, {record}")
            continue
        text: Any = record.get(file.prompt)
        if not isinstance(text, str):
            problems.append(f"{row.place}, field '{file.prompt}': text was expected (got {shorten(text)})")
            continue
        labels = known.setdefault(content_id(normalize(text)), {})
        for dimension in DIMENSIONS:
            try:
                held = _held(record.get(columns[dimension]), dimension)
            except InputError as error:
                problems.append(f"{row.place}, field '{columns[dimension]}': {error}")
                continue
            if held is not None:
                labels[dimension] = tuple(dict.fromkeys((*labels.get(dimension, ()), *held)))
    raise_problems(file.path, problems, ADVICE)
    return known


def _held(cell: Any, dimension: Dimension) -> tuple[str, ...] | None:  # noqa: ANN401 (a cell)
    """Return the ids of the domains in a cell.

    The result is None if the original classifier gave no answer ("Unknown").
    """
    if cell is None:
        parts: list[str] = []
    elif isinstance(cell, list):
        parts = [str(part) for part in cast("list[object]", cell)]
    else:
        parts = str(cell).split(";")
    names = [part.strip() for part in parts if part.strip()]
    if any(label_key(name) == CLASSIFIER_REJECT for name in names):
        return None
    return tuple(domain.id for domain in (resolve(name, dimension) for name in names) if not domain.is_none)
