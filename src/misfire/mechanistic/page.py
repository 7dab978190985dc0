"""The HTML page of a model: the verdict, all figures and the main tables, in the template of a report."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from misfire.datasets.writing import replaced_file
from misfire.mechanistic.model.decoder import Decoder
from misfire.reports.document import Document, Section
from misfire.reports.drawing.files import Drawing, save
from misfire.reports.formats import html
from misfire.reports.logs.viewer_links import DEFAULT_URL, Viewer
from misfire.reports.number_format import NO_INTERVAL, UNDEFINED, score
from misfire.reports.tables import Table, TableColumn

if TYPE_CHECKING:
    import pandas as pd

_CAVEATS = (
    "These results hold for these pairs, this prompt and this model. The analyses do not look for heads "
    "that matter elsewhere.",
    "Ablation shows that a head is needed for the wrong answer, not what it represents.",
    "Failures and mirrored failures are chosen by the answers of the model, so effects on either alone are "
    "too large. Only their comparison is evidence about misfiring. The test of MAR against BR is not valid "
    "if the candidates were chosen by the answers of the model.",
)

_HEADS = (
    TableColumn("name", "head", "text", False, "layer and head, counted from 0"),
    TableColumn(
        "delta_stereotyped",
        "Δ stereotyped",
        "score",
        True,
        "mean change of the stereotyped margin on failures, logits",
    ),
    TableColumn(
        "delta_contrast",
        "Δ contrast",
        "score",
        False,
        "mean change of the contrast margin on failures, logits",
    ),
    TableColumn("score", "Δs − |Δc|", "score", False, "basis of the ranking of heads"),
    TableColumn(
        "specificity",
        "Δs − Δc",
        "score",
        False,
        "the paper's measure, which rewards heads that carry the evidence",
    ),
    TableColumn(
        "mirror_contrast",
        "Δ on mirrors",
        "score",
        False,
        "mean change of the contrast margin (of the half that fails) on mirrored failures, logits",
    ),
    TableColumn(
        "over_mirrors",
        "Δ over mirrors",
        "score",
        True,
        "Δ stereotyped on failures minus Δ on mirrors, logits",
    ),
    TableColumn(
        "control_stereotyped",
        "Δ on controls",
        "score",
        False,
        "mean change of the stereotyped margin on controls, logits",
    ),
    TableColumn("p", "p", "p", False, "one-sided sign flips of Δs − |Δc| by scenario"),
    TableColumn("q", "q", "p", False, "Benjamini–Hochberg over all heads"),
)

_CURVE = (
    TableColumn("k", "heads", "count", False, "number of heads ablated together, chosen on other scenarios"),
    TableColumn("pairs", "failures", "count", False, "failures tested"),
    TableColumn(
        "recovery", "restored", "rate", True, "share of failures whose stereotyped half becomes right"
    ),
    TableColumn(
        "matched",
        "same layers at random",
        "rate",
        False,
        "the same for random heads of the same layers, mean over draws",
    ),
    TableColumn("draws", "sets", "count", False, "number of random sets of heads of the same layers"),
    TableColumn("random", "at random", "rate", False, "the same for random heads"),
    TableColumn(
        "excess",
        "excess",
        "change",
        True,
        "restored minus restored by random heads of the same layers, by pair",
    ),
    TableColumn("mirrors", "mirrors", "count", False, "mirrored failures tested"),
    TableColumn(
        "mirror_recovery",
        "mirrors restored",
        "rate",
        True,
        "share of mirrored failures whose contrast half becomes right",
    ),
    TableColumn(
        "over_mirrors",
        "over mirrors",
        "change",
        True,
        "share of restored failures minus share of restored mirrors",
    ),
    TableColumn(
        "p_holm",
        "p",
        "p",
        False,
        "one-sided, by scenario: more restored than by random heads, and more than mirrors; Holm correction "
        "for the numbers of heads",
    ),
    TableColumn(
        "contrast_kept",
        "contrast kept",
        "rate",
        False,
        "share of contrast halves of failures that stay right",
    ),
    TableColumn(
        "control_kept", "controls kept", "rate", False, "share of halves of controls that stay right"
    ),
    TableColumn(
        "foils_kept",
        "foils kept",
        "rate",
        False,
        "share of right foils that stay right; the lower of the two kinds of foils",
    ),
    TableColumn(
        "foils_asked",
        "foils",
        "count",
        False,
        "foils of failures and controls that were right before the ablation",
    ),
    TableColumn(
        "delta_stereotyped", "Δ stereotyped", "score", False, "mean change of the stereotyped margin"
    ),
    TableColumn("delta_contrast", "Δ contrast", "score", False, "mean change of the contrast margin"),
)

_SUPPRESSION = (
    TableColumn("model", "model", "text", False, "the model or its base"),
    TableColumn(
        "group", "pairs", "text", False, "failures, mirrors (only the contrast half is wrong) or controls"
    ),
    TableColumn(
        "said",
        "statistic",
        "text",
        False,
        "of the mean raw margin; at the last layer its sign is that of the model's answer",
    ),
    TableColumn("told", "value", "text", False, "with its 95 % interval; layers are counted from 0"),
    TableColumn(
        "aside",
        "without the offset",
        "text",
        False,
        "the same after subtracting the mean over neutral prompts at each layer; its sign is not that of "
        "the model's answer",
    ),
)

_DROPS = (
    TableColumn("model", "model", "text", False, "the model or its base"),
    TableColumn(
        "said",
        "raw margin of stereotyped halves of failures",
        "text",
        False,
        "at the peak layer, chosen on other scenarios, or its fall",
    ),
    TableColumn("value", "logits", "score", True, "mean, clustered by scenario"),
    TableColumn("p", "p", "p", False, "one-sided, above 0, sign flips by scenario"),
    TableColumn("pairs", "pairs", "count", False, "number of pairs"),
    TableColumn("scenarios", "scenarios", "count", False, "number of scenarios"),
    TableColumn("others", "compared with", "count", False, "number of halves in the comparison"),
)

_BASE = (
    TableColumn(
        "group",
        "pairs",
        "text",
        False,
        "failures, mirrors, controls; or all, weighted by the candidates that they stand for",
    ),
    TableColumn("said", "statistic", "text", False, "of raw margins"),
    TableColumn("model", "model", "score", False, "mean in the model, logits"),
    TableColumn("base", "base", "score", False, "mean in its base, logits"),
    TableColumn("value", "model − base", "score", True, "paired difference, clustered by scenario"),
    TableColumn("p", "p", "p", False, "one-sided, above 0, sign flips by scenario"),
    TableColumn("pairs", "n", "count", False, "pairs"),
    TableColumn("scenarios", "scenarios", "count", False, "number of scenarios"),
)

_FALLS = {
    "peak": "at its peak before the last layer",
    "final": "after the last layer",
    "drop": "fall between the two",
    "contrast halves": "fall beyond that of contrast halves of the same pairs",
    "controls": "fall beyond that of stereotyped halves of controls",
    "mirrors": "fall beyond that of contrast halves of mirrored failures",
    "all pairs": "all groups, weighted: fall of stereotyped halves beyond that of contrast halves",
}

_STATISTICS = {
    "peak": "stereotyped margin at its peak, logits",
    "layer": "layer of the peak",
    "final": "stereotyped margin after the last layer, logits",
    "drop": "drop from the peak to the end, logits",
    "handover": "layer from which it stays below 0",
    "gap_peak": "contrast minus stereotyped at its peak, logits",
    "gap_layer": "layer of that peak",
    "gap_final": "contrast minus stereotyped after the last layer, logits",
}

_LAYERS = ("layer", "handover", "gap_layer")


def _unchanged(frame: "pd.DataFrame", _: "Mapping[str, pd.DataFrame]") -> "pd.DataFrame":
    """Use the frame itself as the table."""
    return frame


@dataclass(frozen=True)
class _ShownTable:
    """A table on the page.

    Attributes:
        frame: Name of the frame that it shows.
        title: Title above the table.
        columns: Its columns.
        rows: Maximum number of rows.
        prepare: Function that makes the table from its frame and the other frames.
    """

    frame: str
    title: str
    columns: tuple[TableColumn, ...]
    rows: int = 20
    prepare: "Callable[[pd.DataFrame, Mapping[str, pd.DataFrame]], pd.DataFrame]" = _unchanged

    def table(self, frames: "Mapping[str, pd.DataFrame]") -> Table | None:
        """Return the table; None if its frame does not exist or is empty."""
        frame = frames.get(self.frame)
        if frame is None or frame.empty:
            return None
        left_out = len(frame) > self.rows
        note = (
            f"The first {self.rows} of {len(frame)} rows; all are in frames/{self.frame}.parquet."
            if left_out
            else ""
        )
        return Table(self.frame, self.title, note, self.prepare(frame, frames).head(self.rows), self.columns)


@dataclass(frozen=True)
class _ShownSection:
    """A section of the page.

    Attributes:
        name: Name for anchors.
        title: Its heading.
        drawings: Names of its figures.
        tables: Its tables.
    """

    name: str
    title: str
    drawings: tuple[str, ...]
    tables: tuple[_ShownTable, ...] = ()

    def section(self, frames: "Mapping[str, pd.DataFrame]", drawings: Mapping[str, Drawing]) -> Section:
        """Return the section, with the figures and tables that exist."""
        return Section(
            self.name,
            self.title,
            drawings=tuple(drawings[name] for name in self.drawings if name in drawings),
            tables=tuple(table for shown in self.tables if (table := shown.table(frames))),
        )


def _in_words(
    words: Mapping[str, str],
) -> "Callable[[pd.DataFrame, Mapping[str, pd.DataFrame]], pd.DataFrame]":
    """Return a function that prepares a table of comparisons.

    It describes each comparison and renames the interval columns.
    """

    def prepare(frame: "pd.DataFrame", _: "Mapping[str, pd.DataFrame]") -> "pd.DataFrame":
        named = frame.rename(columns={"ci_lower": "value_ci_lower", "ci_upper": "value_ci_upper"})
        return named.assign(said=[words[str(name)] for name in frame["compared"]])

    return prepare


def _suppression(frame: "pd.DataFrame", frames: "Mapping[str, pd.DataFrame]") -> "pd.DataFrame":
    """Add descriptions of the statistics, and their values with and without the offset."""
    said = [_STATISTICS[str(name)] for name in frame["statistic"]]
    return frame.assign(
        said=said, told=_statistics(frame), aside=_statistics(frames["suppression_corrected"])
    )


def _statistics(suppression: "pd.DataFrame") -> list[str]:
    """Format the statistics of a table, one for each row."""
    return [
        _statistic(str(name), *numbers)
        for name, *numbers in suppression[["statistic", "value", "ci_lower", "ci_upper"]].itertuples(
            index=False
        )
    ]


def _statistic(name: str, value: float, lower: float, upper: float) -> str:
    """Format a statistic of ``suppression`` with its interval: logits with a sign, layers without."""

    def told(number: float) -> str:
        return UNDEFINED if math.isnan(number) else f"{number:.0f}" if name in _LAYERS else score(number)

    if math.isnan(lower) or math.isnan(upper):
        return f"{told(value)} ({NO_INTERVAL})"
    return f"{told(value)} [{told(lower)}, {told(upper)}]"


_SECTIONS = (
    _ShownSection(
        "heads",
        "Heads",
        ("heads_zero", "heads_mean"),
        tuple(_ShownTable(f"heads_{kind}", f"Heads, {kind} ablation", _HEADS) for kind in ("zero", "mean")),
    ),
    _ShownSection(
        "estimates",
        "Estimates for heads",
        (),
        (_ShownTable("heads_attribution", "Heads, first-order estimate (names no head)", _HEADS),),
    ),
    _ShownSection(
        "curve",
        "Best heads together",
        ("curve",),
        tuple(
            _ShownTable(f"curve_{kind}", f"Best heads together, {kind} ablation", _CURVE)
            for kind in ("zero", "mean")
        ),
    ),
    _ShownSection(
        "lens",
        "Logit lens",
        ("lens",),
        (
            _ShownTable("lens_drops", "How far stereotyped halves fall", _DROPS, prepare=_in_words(_FALLS)),
            _ShownTable("lens_base", "Against the base", _BASE, prepare=_in_words(_STATISTICS)),
            _ShownTable(
                "suppression", "Rise and fall over the layers", _SUPPRESSION, rows=60, prepare=_suppression
            ),
        ),
    ),
    _ShownSection("patching", "Activation patching", ("patching",)),
    _ShownSection("paths", "Paths", ("paths",)),
    _ShownSection("attention", "Attention", ("attention",)),
)


def write_page(
    out: Path,
    decoder: Decoder,
    frames: "Mapping[str, pd.DataFrame]",
    verdict: Sequence[str],
    drawings: Sequence[Drawing],
) -> None:
    """Write ``index.html`` and the figures.

    Args:
        out: Output folder.
        decoder: The model.
        frames: The frames by name.
        verdict: Sentences that state what the results show.
        drawings: The figures.
    """
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for drawing in drawings:
        save(drawing, out / "figures")
    by_name = {drawing.name: drawing for drawing in drawings}
    sections = [
        Section("verdict", "Verdict", text=tuple(verdict)),
        *(shown.section(frames, by_name) for shown in _SECTIONS),
    ]
    kept = tuple(section for section in sections if section.text or section.drawings or section.tables)
    text = html.render(
        Document(f"Where {decoder.name} overrules the evidence", _CAVEATS, kept), Viewer(DEFAULT_URL, ".")
    )
    with replaced_file(out / "index.html") as temporary:
        temporary.write_text(text, encoding="utf-8")
