"""Where prompts come from: the rows of files and data sets, and the filters that texts must pass."""

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
    'Every row needs a prompt as text. Mend these rows, name the column (prompt = "COLUMN"), or leave them out with skip_invalid = true.'
)

_Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class Source(BaseModel):
    """Where prompts are from.

    Attributes:
        path: A file (JSONL, Parquet or CSV), or
        dataset: the name of a data set on the hub, with its owner.
        revision: Its commit, in full.
        split: Only this split of it; none for all.
        prompt: The column that holds the prompt.
        skip_invalid: Whether rows that cannot be used are left out and counted; otherwise they are refused, all together.
        licence: What is known of the licence of its prompts; none for what [publish] prompt_licence says.
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
            raise ValueError("a source is either a path or a dataset")
        if self.dataset is not None and self.revision is None:
            raise ValueError("a dataset needs its revision, the 40 digits of a commit, so that the same prompts come another day")
        if self.path is not None and (self.revision or self.split):
            raise ValueError("revision and split go with a dataset")
        return self

    @property
    def name(self) -> str:
        """What rows of it say about where they are from: no path of a machine."""
        return Path(self.path).name if self.path is not None else f"{self.dataset} at {self.revision}"


class Filters(BaseModel):
    """Which texts are taken.

    Attributes:
        language: English, which all stages write; none to take prompts of any language.
        least_probability: A text is refused if it is in that language with less than this probability.
        min_chars: Fewest characters, in normal form.
        max_chars: Most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    language: Literal["en"] | None = "en"
    least_probability: Annotated[float, Field(ge=0, le=1)] = LEAST_PROBABILITY
    min_chars: Annotated[int, Field(ge=1)] = 10
    max_chars: Annotated[int, Field(ge=1, le=MAX_TEXT)] = 4000


FAR_TOO_LONG = 4
"""A text this many times too long is dropped before it is brought into normal form."""

Drop = Literal["empty", "too_short", "too_long", "language", "repeat"]
"""Why a row gives no prompt: a repeat has the text of an earlier row."""


def source_rows(source: Source, columns: Sequence[str] = ()) -> Iterator[TableRow]:
    """The rows of a source.

    Args:
        source: The source.
        columns: Columns wanted besides that of the prompt.

    Yields:
        Rows, in the order of the file or data set.

    Raises:
        InputError: It cannot be read, or lacks the column of the prompt.
    """
    wanted = [source.prompt, *columns]
    if source.dataset is not None:
        yield from _hub_rows(source)
        return
    path = user_path(source.path or "")

    def choose(names: Sequence[str]) -> list[str]:
        if missing := [name for name in wanted if name not in names]:
            listed = ", ".join(f"'{name}'" for name in names[:30])
            raise InputError(f"{path}: there is no column '{missing[0]}'. There are: {listed}. {ADVICE}")
        return wanted

    try:
        yield from read_table(path, choose, ADVICE)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}). It should hold prompts as JSONL, Parquet or CSV.") from error


def _hub_rows(source: Source) -> Iterator[TableRow]:
    try:
        splits = dataset_splits(str(source.dataset), source.revision)
    except HubError as error:
        raise InputError(f"The data set {source.name} could not be loaded: {error}") from error
    if source.split is not None and source.split not in splits:
        raise InputError(f"The data set {source.name} has no split '{source.split}'. There are: {', '.join(splits)}.")
    records: Iterable[tuple[str, int, dict[str, Any]]] = (
        (name, number, record)
        for name, rows in splits.items()
        if source.split in (None, name)
        for number, record in enumerate(rows, start=1)
    )
    for name, number, record in records:
        yield TableRow(f"split {name}, row {number}", number, record)


def row_text(row: TableRow, column: str) -> str | Fault:
    """The text in a column of a row, or what is wrong with it."""
    if isinstance(row.record, Fault):
        return row.record
    if column not in row.record:
        return Fault(f"there is no field '{column}'")
    cell: object = row.record[column]
    if not isinstance(cell, str):
        return Fault(f"field '{column}': text was expected (got {shorten(cell)})")
    return cell


def refusal_of(text: str, filters: Filters) -> Drop | None:
    """Why a text is not taken.

    Args:
        text: A text in normal form.
        filters: Which texts are taken.

    Returns:
        The reason; none if it is taken.
    """
    if not text:
        return "empty"
    if len(text) < filters.min_chars:
        return "too_short"
    if len(text) > filters.max_chars:
        return "too_long"
    if filters.language is not None and identify(text, filters.language).probability < filters.least_probability:
        return "language"
    return None
