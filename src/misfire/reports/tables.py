"""Tables for people: the columns of a frame that they show, and the format of each value."""

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
        name: Name of its column in the frame.
        heading: Its heading.
        kind: Kind of its values, which determines their format.
        interval: Whether its interval (``<name>_ci_lower`` and ``_ci_upper`` of the frame) is shown after the
            value.
        meaning: Description of its values, for a tooltip or a list of columns.
    """

    name: str
    heading: str
    kind: Kind
    interval: bool
    meaning: str

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the frame that it shows."""
        return (
            (self.name, f"{self.name}_ci_lower", f"{self.name}_ci_upper") if self.interval else (self.name,)
        )

    def write(self, values: Sequence[object]) -> str:
        """Return the text of a cell.

        Args:
            values: Values of ``names``, in their order.

        Returns:
            The text.
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
    """A table for people.

    Attributes:
        name: Name for files and anchors.
        title: Its heading.
        note: Explanation for readers.
        frame: The unformatted values, one row per row of the table.
        columns: The columns that are shown. The frame may have more.
    """

    name: str
    title: str
    note: str
    frame: "pd.DataFrame"
    columns: tuple[TableColumn, ...]

    def rows(self) -> list[list[tuple[object, str]]]:
        """Return the cells of each row, as the value to sort by and the text."""
        series = [[self._values(name, column.kind) for name in column.names] for column in self.columns]
        cells = [
            [(values[0], column.write(values)) for values in zip(*lists, strict=True)]
            for column, lists in zip(self.columns, series, strict=True)
        ]
        return [list(row) for row in zip(*cells, strict=True)]

    def _values(self, name: str, kind: Kind) -> list[object]:
        """Return a column of the frame, with None for missing text."""
        column = self.frame[name]
        return (
            column.astype(object).where(column.notna(), None) if kind in {"text", "time"} else column
        ).tolist()


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
    """Create a table from a frame.

    Args:
        name: Name for files and anchors.
        title: Its heading.
        note: Explanation for readers.
        frame: The values.
        shown: The columns to show, as (column of the frame, heading).
        with_interval: The columns to show with their interval.
        counts: Columns to format as whole numbers although their kind differs.
        known: Descriptions of the columns, if the frame is not one of the frames about pairs.

    Returns:
        The table, or None if the frame is empty.
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
