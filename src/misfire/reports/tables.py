"""Tables for people: which columns of a frame they show, and how each value is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.reports.columns import PAIR_FRAMES, Column, Kind
from misfire.reports.number_format import NUMBERS, bracket, flag, plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TableColumn:
    """A column of a table for people.

    Attributes:
        name: Its column in the frame.
        heading: What stands above it.
        kind: How it is written.
        interval: Whether its interval (``<name>_ci_lower`` and ``_ci_upper`` of the frame) stands behind it.
        meaning: What it says, for a tooltip or a list of columns.
    """

    name: str
    heading: str
    kind: Kind
    interval: bool
    meaning: str

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the frame that it shows."""
        return (self.name, f"{self.name}_ci_lower", f"{self.name}_ci_upper") if self.interval else (self.name,)

    def write(self, values: Sequence[object]) -> str:
        """A cell.

        Args:
            values: Values of ``names``, in their order.

        Returns:
            The text that stands in it.
        """
        value = values[0]
        if self.kind == "flag":
            return flag(bool(value))
        if self.kind in {"text", "time"}:
            return plain(str(value)) if isinstance(value, str) else ""
        numbers = [float(number) for number in values]  # pyright: ignore[reportArgumentType] (columns of these kinds hold numbers)
        text = NUMBERS[self.kind](numbers[0])
        behind = bracket(numbers[1], numbers[2], self.kind) if self.interval else ""
        return f"{text} {behind}".rstrip()


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: For file names and anchors.
        title: Its heading.
        note: What to know when reading it.
        frame: The numbers as they are, one row a row.
        columns: The columns that people see; the frame may have more.
    """

    name: str
    title: str
    note: str
    frame: "pd.DataFrame"
    columns: tuple[TableColumn, ...]

    def rows(self) -> list[list[tuple[object, str]]]:
        """For each row its cells: the value to sort by, and the text."""
        series = [[self._values(name, column.kind) for name in column.names] for column in self.columns]
        cells = [
            [(values[0], column.write(values)) for values in zip(*lists, strict=True)]
            for column, lists in zip(self.columns, series, strict=True)
        ]
        return [list(row) for row in zip(*cells, strict=True)]

    def _values(self, name: str, kind: Kind) -> list[object]:
        """A column of the frame; None for a missing text."""
        column = self.frame[name]
        return (column.astype(object).where(column.notna(), None) if kind in {"text", "time"} else column).tolist()


def table(
    name: str,
    title: str,
    note: str,
    frame: "pd.DataFrame",
    shown: Sequence[tuple[str, str]],
    with_interval: Iterable[str] = (),
    counts: Iterable[str] = (),
    known: Iterable[Column] = (),
) -> Table | None:
    """A table over a frame.

    Args:
        name: For file names and anchors.
        title: Its heading.
        note: What to know when reading it.
        frame: The numbers.
        shown: The columns that people see, as (column of the frame, heading).
        with_interval: Which of them stand with their interval.
        counts: Which of them are whole numbers though their kind is another.
        known: What its columns hold, where it is none of the frames about pairs.

    Returns:
        The table; None over an empty frame.
    """
    if frame.empty:
        return None
    intervals, whole = set(with_interval), set(counts)
    meanings = _KNOWN | {column.name: column for column in known}
    columns = tuple(
        TableColumn(key, heading, "count" if key in whole else found.kind, key in intervals, found.meaning)
        for key, heading in shown
        for found in (meanings.get(key) or Column(key, "text", ""),)
    )
    return Table(name, title, note, frame, columns)


_KNOWN = {column.name: column for columns in PAIR_FRAMES.values() for column in columns}
