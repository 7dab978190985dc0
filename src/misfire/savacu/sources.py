"""Reads prompts from files and data sets, and defines the filters that they must pass."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from misfire.datasets.hub import HubError, dataset_splits
from misfire.datasets.json_rows import Fault
from misfire.datasets.misalign.instances import MAX_TEXT
from misfire.datasets.record_errors import shorten
from misfire.datasets.table_files import TableRow, read_table
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.savacu.languages import LEAST_PROBABILITY, identify

ADVICE = (
    'Every row needs a prompt as text. Correct these rows, set the column (prompt = "COLUMN"), or skip '
    "them with skip_invalid = true."
)

_Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class Source(BaseModel):
    """A source of prompts. Either ``path`` or ``dataset`` must be set.

    Attributes:
        path: A JSONL, Parquet, or CSV file.
        dataset: Name of a data set on the Hugging Face Hub, with its owner.
        revision: Full commit hash of the data set.
        split: The split of the data set to read; None reads all splits.
        prompt: The column that contains the prompt.
        skip_invalid: Whether rows that cannot be used are skipped and counted. Otherwise they raise one error
            that lists them.
        licence: License of the prompts of this source; None uses [publish] prompt_licence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str | None = None
    dataset: str | None = None
    revision: _Commit | None = None
    split: str | None = None
    prompt: Annotated[str, StringConstraints(min_length=1)] = "prompt"
    skip_invalid: bool = False
    licence: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.dataset is None):
            raise ValueError("a source needs either a path or a dataset")
        if self.dataset is not None and self.revision is None:
            raise ValueError(
                "a dataset needs a revision, the 40-digit hash of a commit, so that it always yields the "
                "same prompts"
            )
        if self.path is not None and (self.revision or self.split):
            raise ValueError("revision and split can only be used with a dataset")
        return self

    @property
    def name(self) -> str:
        """Name of the source in rows of the data set. It contains no path of this machine."""
        return Path(self.path).name if self.path is not None else f"{self.dataset} at {self.revision}"


class Filters(BaseModel):
    """The filters that prompts must pass.

    Attributes:
        language: The language of prompts. All stages write English. None accepts prompts in any language.
        least_probability: A text is rejected if the probability that it is in this language is lower.
        min_chars: Minimum length in characters, in normal form.
        max_chars: Maximum length in characters, in normal form.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    language: Literal["en"] | None = "en"
    least_probability: Annotated[float, Field(ge=0, le=1)] = LEAST_PROBABILITY
    min_chars: Annotated[int, Field(ge=1)] = 10
    max_chars: Annotated[int, Field(ge=1, le=MAX_TEXT)] = 4000


FAR_TOO_LONG = 4
"""A text that exceeds the maximum length by this factor is dropped before it is normalized."""

Drop = Literal["empty", "too_short", "too_long", "language", "repeat"]
"""Why a row was dropped. "repeat" means that an earlier row has the same text."""


def source_rows(source: Source, columns: Sequence[str] = ()) -> Iterator[TableRow]:
    """Iterate over the rows of a source, in the order of the file or data set.

    Args:
        source: The source.
        columns: Columns to read in addition to that of the prompt.

    Yields:
        The rows.

    Raises:
        InputError: The source cannot be read, or has no column for the prompt.
    """
    wanted = [source.prompt, *columns]
    if source.dataset is not None:
        yield from _hub_rows(source)
        return
    path = user_path(source.path or "")

    def choose(names: Sequence[str]) -> list[str]:
        if missing := [name for name in wanted if name not in names]:
            listed = ", ".join(f"'{name}'" for name in names[:30])
            raise InputError(f"{path}: there is no column '{missing[0]}'. Columns: {listed}. {ADVICE}")
        return wanted

    try:
        yield from read_table(path, choose, ADVICE)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}). It should be a JSONL, Parquet, or CSV "
            "file with prompts."
        ) from error


def _hub_rows(source: Source) -> Iterator[TableRow]:
    try:
        splits = dataset_splits(str(source.dataset), source.revision)
    except HubError as error:
        raise InputError(f"The data set {source.name} could not be loaded: {error}") from error
    if source.split is not None and source.split not in splits:
        raise InputError(
            f"The data set {source.name} has no split '{source.split}'. Splits: {', '.join(splits)}."
        )
    records: Iterable[tuple[str, int, dict[str, Any]]] = (
        (name, number, record)
        for name, rows in splits.items()
        if source.split in (None, name)
        for number, record in enumerate(rows, start=1)
    )
    for name, number, record in records:
        yield TableRow(f"split {name}, row {number}", number, record)


def row_text(row: TableRow, column: str) -> str | Fault:
    """Return the text in a column of a row, or a fault that says what is wrong with it."""
    if isinstance(row.record, Fault):
        return row.record
    if column not in row.record:
        return Fault(f"there is no field '{column}'")
    cell: object = row.record[column]
    if not isinstance(cell, str):
        return Fault(f"field '{column}': text was expected (got {shorten(cell)})")
    return cell


def refusal_of(text: str, filters: Filters) -> Drop | None:
    """Return the reason for which the filters reject a text in normal form, or None if they accept it."""
    if not text:
        return "empty"
    if len(text) < filters.min_chars:
        return "too_short"
    if len(text) > filters.max_chars:
        return "too_long"
    if (
        filters.language is not None
        and identify(text, filters.language).probability < filters.least_probability
    ):
        return "language"
    return None
