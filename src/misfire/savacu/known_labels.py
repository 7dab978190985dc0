"""Prompts with known labels, for calibration: read from a file, joined by content id."""

from typing import Any

from misfire.datasets.json_rows import Fault
from misfire.datasets.misalign.taxonomy import CLASSIFIER_REJECT, DIMENSIONS, Dimension, label_key, resolve
from misfire.datasets.record_errors import raise_problems, shorten
from misfire.errors import InputError
from misfire.savacu.prompts import content_id, normalise
from misfire.savacu.recipe import LabelledFile
from misfire.savacu.sources import Source, source_rows

ADVICE = "Labels are names or ids of domains with ';' between, or None. Mend these rows, or name the columns in [classify.calibration]."

KnownLabels = dict[str, dict[Dimension, tuple[str, ...]]]
"""By content id, for each dimension that is known, the ids of the domains that hold."""


def read_labels(file: LabelledFile) -> KnownLabels:
    """Read labelled prompts.

    Args:
        file: Where, and in which columns.

    Returns:
        Their labels; those of a text that is there several times are put together. A dimension in which the classifier rejected ("Unknown")
        is not known, and is left out.

    Raises:
        InputError: The file cannot be read, or holds labels that are no domains; all bad rows are told together.
    """
    columns: dict[Dimension, str] = {"safety": file.safety, "value": file.value, "culture": file.culture}
    source = Source(path=file.path, prompt=file.prompt)
    known: KnownLabels = {}
    told: list[str] = []
    for row in source_rows(source, tuple(columns.values())):
        record = row.record
        if isinstance(record, Fault):
            told.append(f"{row.place}, {record}")
            continue
        text: Any = record.get(file.prompt)
        if not isinstance(text, str):
            told.append(f"{row.place}, field '{file.prompt}': text was expected (got {shorten(text)})")
            continue
        labels = known.setdefault(content_id(normalise(text)), {})
        for dimension in DIMENSIONS:
            try:
                held = _held(record.get(columns[dimension]), dimension)
            except InputError as error:
                told.append(f"{row.place}, field '{columns[dimension]}': {error}")
                continue
            if held is not None:
                labels[dimension] = tuple(dict.fromkeys((*labels.get(dimension, ()), *held)))
    raise_problems(file.path, told, ADVICE)
    return known


def _held(cell: Any, dimension: Dimension) -> tuple[str, ...] | None:  # noqa: ANN401 (a cell)
    """Ids of the domains in a cell; none where the classifier rejected."""
    parts = [] if cell is None else [str(part) for part in cell] if isinstance(cell, list) else str(cell).split(";")  # pyright: ignore
    names = [part.strip() for part in parts if part.strip()]
    if any(label_key(name) == CLASSIFIER_REJECT for name in names):
        return None
    return tuple(domain.id for domain in (resolve(name, dimension) for name in names) if not domain.is_none)
