"""Pair files: our JSONL and Parquet formats (read and written) and the authors' JSON format (read only).

In our format a pair is one flat row, so a JSONL line, a Parquet row and a data-frame row have the same
fields: ``id, category, subcategory, question_index, stereotyped_group, contrast_group, priming_sentence``
and, for each half, ``<half>_prompt, <half>_target, <half>_example_id``. Pairs with controls also have, for
each half, ``<half>_foil_prompt`` (correct answer "no") and ``<half>_ambiguous_prompt`` (correct answer
"unknown").
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from misfire.datasets.json_rows import Fault, Located, json_items, json_object, parse_json
from misfire.datasets.pairs import (
    HALF_NAMES,
    Answer,
    CategoryName,
    Controls,
    Half,
    Pair,
    PairId,
    Text,
    category_slug,
)
from misfire.datasets.parquet import stream_parquet, write_parquet
from misfire.datasets.record_errors import MOST, first_problem, raise_problems
from misfire.datasets.user_files import file_start, read_user_file, user_lines
from misfire.datasets.writing import replaced_file
from misfire.errors import InputError

__all__ = ["read_pairs", "write_pairs"]

ADVICE = (
    "Every record needs id, category, question_index, stereotyped_group, contrast_group, stereotyped_prompt "
    "and contrast_prompt (or the authors' fields: id, category, stereotyped_group, contrast_group, "
    "trigger_sentence, prompts). Correct these records; `misfire pairs --source embedded --out pairs.jsonl` "
    "writes an example file to compare with."
)

_AUTHORS_ID = re.compile(r".*?_?q(?P<question_index>\d+)_p\d+")


CONTROL_COLUMNS = tuple(f"{name}_{kind}_prompt" for kind in ("foil", "ambiguous") for name in HALF_NAMES)
"""The columns of the controls. A pair has either all of them or none."""


def _is_none(value: object) -> bool:
    return value is None


class PairRow(BaseModel):
    """A pair as one flat row. The fields are those of ``Pair``, its halves and its controls."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: PairId
    category: CategoryName
    subcategory: str | None = None
    question_index: Text
    stereotyped_group: Text
    contrast_group: Text
    priming_sentence: Text | None = None
    stereotyped_prompt: Text
    stereotyped_target: Answer = "yes"
    stereotyped_example_id: int | None = None
    contrast_prompt: Text
    contrast_target: Answer = "yes"
    contrast_example_id: int | None = None
    stereotyped_foil_prompt: Text | None = Field(default=None, exclude_if=_is_none)
    contrast_foil_prompt: Text | None = Field(default=None, exclude_if=_is_none)
    stereotyped_ambiguous_prompt: Text | None = Field(default=None, exclude_if=_is_none)
    contrast_ambiguous_prompt: Text | None = Field(default=None, exclude_if=_is_none)

    @model_validator(mode="after")
    def _controls_are_complete(self) -> Self:
        missing = [name for name in CONTROL_COLUMNS if getattr(self, name) is None]
        if 0 < len(missing) < len(CONTROL_COLUMNS):
            raise ValueError(
                f"a pair must have all four control prompts or none; missing: {', '.join(missing)}"
            )
        return self

    @staticmethod
    def of(pair: Pair) -> "PairRow":
        """Return the row for a pair."""
        values = pair.model_dump(exclude={*HALF_NAMES, "controls"})
        values |= {
            f"{name}_{field}": getattr(half, field)
            for name, half in pair.halves
            for field in Half.model_fields
        }
        if pair.controls:
            values |= {f"{name}_foil_prompt": foil.prompt for name, foil in pair.controls.foils}
            values |= {f"{name}_ambiguous_prompt": prompt for name, prompt in pair.controls.ambiguous}
        return PairRow.model_validate(values)

    def pair(self) -> Pair:
        """Return the pair of this row.

        A foil has the same context as its half, so it has the same example ID.
        """
        halves = {f"{name}_{field}" for name in HALF_NAMES for field in Half.model_fields}
        return Pair(
            **self.model_dump(exclude=halves | set(CONTROL_COLUMNS)),
            stereotyped=Half(
                prompt=self.stereotyped_prompt,
                target=self.stereotyped_target,
                example_id=self.stereotyped_example_id,
            ),
            contrast=Half(
                prompt=self.contrast_prompt, target=self.contrast_target, example_id=self.contrast_example_id
            ),
            controls=self._controls(),
        )

    def _controls(self) -> Controls | None:
        if (
            self.stereotyped_foil_prompt is None
            or self.contrast_foil_prompt is None
            or self.stereotyped_ambiguous_prompt is None
            or self.contrast_ambiguous_prompt is None
        ):
            return None
        return Controls(
            stereotyped_foil=Half(
                prompt=self.stereotyped_foil_prompt, target="no", example_id=self.stereotyped_example_id
            ),
            contrast_foil=Half(
                prompt=self.contrast_foil_prompt, target="no", example_id=self.contrast_example_id
            ),
            stereotyped_ambiguous=self.stereotyped_ambiguous_prompt,
            contrast_ambiguous=self.contrast_ambiguous_prompt,
        )


class AuthorsHalf(BaseModel):
    """A prompt in the authors' release: the text and the expected answer."""

    text: Text
    expected: Answer


class AuthorsPrompts(BaseModel):
    """The two prompts of a record in the authors' release."""

    stereotyped: AuthorsHalf
    contrast: AuthorsHalf


class AuthorsRecord(BaseModel):
    """A pair in the authors' release. Fields that it lacks are derived from the ID or left empty."""

    id: PairId
    category: CategoryName
    subcategory: str | None = None
    stereotyped_group: Text
    contrast_group: Text
    trigger_sentence: Text | None = None
    prompts: AuthorsPrompts

    def pair(self) -> Pair:
        """Return the pair of this record.

        If the ID does not name a scenario, the pair is a scenario of its own.
        """
        match = _AUTHORS_ID.fullmatch(self.id)
        one, other = self.prompts.stereotyped, self.prompts.contrast
        return Pair(
            id=self.id,
            category=self.category,
            subcategory=self.subcategory,
            question_index=match["question_index"] if match else self.id,
            stereotyped_group=self.stereotyped_group,
            contrast_group=self.contrast_group,
            priming_sentence=self.trigger_sentence,
            stereotyped=Half(prompt=one.text, target=one.expected),
            contrast=Half(prompt=other.text, target=other.expected),
        )


def write_pairs(pairs: Sequence[Pair], path: Path) -> None:
    """Write pairs as JSONL or Parquet, depending on the file extension.

    An existing file is replaced completely or not at all.

    Args:
        pairs: The pairs, in the order to write.
        path: A file that ends in ``.jsonl`` or ``.parquet``.

    Raises:
        InputError: The file has another extension or cannot be written.
    """
    kind = _kind_to_write(path)
    with replaced_file(path) as temporary:
        if kind == "parquet":
            left_out = () if any(pair.controls for pair in pairs) else CONTROL_COLUMNS
            names = [name for name in PairRow.model_fields if name not in left_out]
            columns = {name: int if name.endswith("_example_id") else str for name in names}
            write_parquet([PairRow.of(pair).model_dump() for pair in pairs], columns, temporary)
        else:
            temporary.write_text(
                "".join(f"{PairRow.of(pair).model_dump_json()}\n" for pair in pairs), encoding="utf-8"
            )


def read_pairs(path: Path) -> list[Pair]:
    """Read pairs from JSONL, Parquet or a JSON list, with our fields or the authors'.

    Args:
        path: The file. Its format is detected from its content, not from its name.

    Returns:
        The pairs, in file order.

    Raises:
        InputError: The file cannot be read, is empty, or contains an invalid record. The error lists the
            invalid records with line (or item, or row) and field.
    """
    try:
        start = file_start(path)
        return parse_records(
            path, _parquet_records(path) if start.startswith(b"PAR1") else _json_records(path, start)
        )
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}). It must contain pairs as JSONL, JSON or "
            "Parquet."
        ) from error


def parse_records(origin: Path | str, records: Iterator[Located]) -> list[Pair]:
    """Convert raw records to pairs and report all invalid records in one error.

    Args:
        origin: The file or dataset that the records come from, for the error.
        records: Each record with its location.

    Returns:
        The pairs, in order.

    Raises:
        InputError: There are no records, a record is invalid, or two records have the same ID.
    """
    pairs: list[Pair] = []
    problems: list[str] = []
    places: dict[str, str] = {}
    categories: dict[str, str] = {}
    for place, record in records:
        if len(problems) >= MOST:
            break
        if isinstance(record, Fault):
            problems.append(f"{place}: {record}")
            continue
        try:
            pair = _pair(record)
        except ValidationError as error:
            problems.append(f"{place}, {first_problem(error)}")
            continue
        if pair.id in places:
            problems.append(f"{place}, field 'id': '{pair.id}' is already used at {places[pair.id]}")
            continue
        known = categories.setdefault(category_slug(pair.category), pair.category)
        if known != pair.category:
            problems.append(
                f"{place}, field 'category': '{pair.category}' is another spelling of '{known}' in an "
                "earlier record; use one spelling"
            )
            continue
        places[pair.id] = place
        pairs.append(pair)
    raise_problems(origin, problems, ADVICE)
    if not pairs:
        raise InputError(f"{origin}: contains no pairs. {ADVICE}")
    return pairs


def _pair(record: dict[str, Any]) -> Pair:
    if "prompts" in record:
        return AuthorsRecord.model_validate(record).pair()
    return PairRow.model_validate(record).pair()


def _json_records(path: Path, start: bytes) -> Iterator[Located]:
    # the bytes are a byte order mark
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        for number, item in enumerate(
            json_items(read_user_file(path).removeprefix(b"\xef\xbb\xbf")), start=1
        ):
            if isinstance(item, Fault):
                raise InputError(f"{path}: not a JSON list: {item}. {ADVICE}")
            yield f"item {number}", json_object(item)
        return
    for number, line in enumerate(user_lines(path), start=1):
        if line.strip():
            yield f"line {number}", json_object(parse_json(line))


def _parquet_records(path: Path) -> Iterator[Located]:
    try:
        for number, record in enumerate(stream_parquet(path), start=1):
            yield f"row {number}", record
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a Parquet file ({error}). {ADVICE}") from error


def _kind_to_write(path: Path) -> Literal["jsonl", "parquet"]:
    match path.suffix.lower():
        case ".jsonl":
            return "jsonl"
        case ".parquet":
            return "parquet"
        case _:
            raise InputError(f"{path}: the file name must end in .jsonl or .parquet, which sets the format.")
