"""One HTML page on a model: the verdict in words, every picture, the main tables; made by the same template as a report."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from misfire.datasets.writing import replaced_file
from misfire.mechanistic.model.decoder import Decoder
from misfire.reports.columns import Kind
from misfire.reports.document import Document, Section
from misfire.reports.drawing.canvas import Drawing, save
from misfire.reports.formats import html
from misfire.reports.logs.viewer_links import DEFAULT_URL, Viewer
from misfire.reports.number_format import UNDEFINED, score
from misfire.reports.tables import Table, TableColumn

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20
"""Rows of a table."""

_CAVEATS = (
    "What is said here holds for these pairs, this prompt and this model; heads that matter elsewhere are not looked for.",
    "Ablation shows that a head is needed for the wrong answer, not that it means anything by it.",
    "Failures and mirrored failures are chosen by how the model answered, so effects on either alone are too large; only their comparison "
    "speaks of misfiring. That MAR exceeds BR means nothing if the pairs that were asked were chosen by the model's answers.",
)

Shown = tuple[str, str, Kind, bool, str]
"""A column: name, heading, kind, whether with its interval, meaning."""

_HEADS: tuple[Shown, ...] = (
    ("name", "head", "text", False, "layer and head, counted from 0"),
    ("delta_stereotyped", "Δ stereotyped", "score", True, "mean change of the stereotyped margin on failures, logits"),
    ("delta_contrast", "Δ contrast", "score", False, "mean change of the contrast margin on failures, logits"),
    ("score", "Δs − |Δc|", "score", False, "what heads are ranked by"),
    ("specificity", "Δs − Δc", "score", False, "the paper's measure, which rewards heads that carry the evidence"),
    (
        "mirror_contrast",
        "Δ on mirrors",
        "score",
        False,
        "mean change of the contrast margin, the half that fails, on mirrored failures, logits",
    ),
    ("over_mirrors", "Δ over mirrors", "score", True, "Δ stereotyped on failures minus Δ on mirrors, logits"),
    ("control_stereotyped", "Δ on controls", "score", False, "mean change of the stereotyped margin on controls, logits"),
    ("p", "p", "p", False, "one-sided sign flips of Δs − |Δc| by scenario"),
    ("q", "q", "p", False, "Benjamini–Hochberg over all heads"),
)

_CURVE: tuple[Shown, ...] = (
    ("k", "heads", "count", False, "heads ablated together, chosen on other scenarios"),
    ("pairs", "failures", "count", False, "failures tested"),
    ("recovery", "restored", "rate", True, "share of failures whose stereotyped half is right then"),
    ("matched", "same layers at random", "rate", False, "the same for random heads of the same layers, mean over draws"),
    ("random", "at random", "rate", False, "the same for random heads"),
    ("excess", "excess", "change", True, "restored minus random heads of the same layers, by pair"),
    ("mirrors", "mirrors", "count", False, "mirrored failures tested"),
    ("mirror_recovery", "mirrors restored", "rate", True, "share of mirrored failures whose contrast half is right then"),
    ("over_mirrors", "over mirrors", "change", True, "restored failures minus restored mirrors"),
    (
        "p_holm",
        "p",
        "p",
        False,
        "one-sided, by scenario: more restored than by random heads and than mirrors; Holm over the numbers of heads",
    ),
    ("contrast_kept", "contrast kept", "rate", False, "contrast halves of failures still right"),
    ("control_kept", "controls kept", "rate", False, "halves of controls still right"),
    ("foils_kept", "foils kept", "rate", False, "foils still right, of those that were; of the kind of foils that keeps least"),
    ("foils_asked", "foils", "count", False, "foils of failures and controls that were right"),
    ("delta_stereotyped", "Δ stereotyped", "score", False, "mean change of the stereotyped margin"),
    ("delta_contrast", "Δ contrast", "score", False, "mean change of the contrast margin"),
)

_SUPPRESSION: tuple[Shown, ...] = (
    ("model", "model", "text", False, "the model or its base"),
    ("group", "pairs", "text", False, "failures, mirrors (the contrast half alone is wrong) or controls"),
    ("said", "statistic", "text", False, "of the mean raw margin, whose sign at the end is that of the model's answer"),
    ("told", "value", "text", False, "with its 95 % interval; layers are counted from 0"),
    (
        "aside",
        "aside: without the offset",
        "text",
        False,
        "the same once the mean over prompts about nothing is taken off at each layer; its sign is not that of the model's answer",
    ),
)

_DROPS: tuple[Shown, ...] = (
    ("model", "model", "text", False, "the model or its base"),
    ("said", "raw margin of stereotyped halves of failures", "text", False, "at the peak layer, chosen on other scenarios, or its fall"),
    ("value", "logits", "score", True, "mean, clustered by scenario"),
    ("p", "p", "p", False, "one-sided, above 0, sign flips by scenario"),
    ("pairs", "pairs", "count", False, "pairs that it rests on"),
    ("scenarios", "scenarios", "count", False, "their scenarios"),
    ("others", "compared with", "count", False, "halves that they were compared with"),
)

_FALLS = {
    "peak": "at its peak before the last layer",
    "final": "after the last layer",
    "drop": "falls between the two by",
    "contrast halves": "falls further than contrast halves of the same pairs by",
    "controls": "falls further than stereotyped halves of controls by",
    "mirrors": "falls further than contrast halves of mirrored failures by",
    "all pairs": "all groups, weighted: stereotyped halves fall further than contrast halves by",
}

_BASE: tuple[Shown, ...] = (
    ("group", "pairs", "text", False, "failures, mirrors, controls; or all, weighted by the candidates that they stand for"),
    ("said", "statistic", "text", False, "of raw margins"),
    ("model", "model", "score", False, "mean in the model, logits"),
    ("base", "base", "score", False, "mean in its base, logits"),
    ("value", "model − base", "score", True, "by pair, clustered by scenario"),
    ("p", "p", "p", False, "one-sided, above 0, sign flips by scenario"),
    ("pairs", "n", "count", False, "pairs"),
    ("scenarios", "scenarios", "count", False, "their scenarios"),
)

_STATISTICS = {
    "peak": "stereotyped margin at its peak, logits",
    "layer": "layer of the peak",
    "final": "stereotyped margin after the last layer, logits",
    "drop": "drop from the peak to the end, logits",
    "handover": "layer from which on it stays below 0",
    "gap_peak": "contrast minus stereotyped at its peak, logits",
    "gap_layer": "layer of that peak",
    "gap_final": "contrast minus stereotyped after the last layer, logits",
}

_ENDS = {"ci_lower": "value_ci_lower", "ci_upper": "value_ci_upper"}

_LAYERS = ("layer", "handover", "gap_layer")


def write_page(
    out: Path, decoder: Decoder, frames: "Mapping[str, pd.DataFrame]", verdict: Sequence[str], drawings: Sequence[Drawing]
) -> None:
    """Write ``index.html`` and the figures.

    Args:
        out: The folder.
        decoder: The model.
        frames: The frames by name.
        verdict: Sentences.
        drawings: The figures.
    """
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for drawing in drawings:
        save(drawing, out / "figures")
    by_name = {drawing.name: drawing for drawing in drawings}

    def section(name: str, title: str, pictures: Sequence[str], tables: Sequence[Table | None] = ()) -> Section:
        shown = tuple(by_name[picture] for picture in pictures if picture in by_name)
        return Section(name, title, drawings=shown, tables=tuple(table for table in tables if table))

    suppression, drops, base = (frames.get(name) for name in ("suppression", "lens_drops", "lens_base"))
    if suppression is not None:
        suppression = suppression.assign(
            said=[_STATISTICS[str(name)] for name in suppression["statistic"]],
            told=_statistics(suppression),
            aside=_statistics(frames["suppression_corrected"]),
        )
    if drops is not None and len(drops):
        drops = drops.rename(columns=_ENDS).assign(said=[_FALLS[str(name)] for name in drops["compared"]])
    if base is not None and len(base):
        base = base.rename(columns=_ENDS).assign(said=[_STATISTICS[str(name)] for name in base["compared"]])
    sections = [
        Section("verdict", "What can be said", text=tuple(verdict)),
        section(
            "heads",
            "Heads",
            ("heads_zero", "heads_mean"),
            [_table(f"heads_{kind}", f"Heads, {kind} ablation", frames.get(f"heads_{kind}"), _HEADS) for kind in ("zero", "mean")],
        ),
        section(
            "curve",
            "Best heads together",
            ("curve",),
            [
                _table(f"curve_{kind}", f"Best heads together, {kind} ablation", frames.get(f"curve_{kind}"), _CURVE)
                for kind in ("zero", "mean")
            ],
        ),
        section(
            "lens",
            "Logit lens",
            ("lens",),
            [
                _table("lens_drops", "How far stereotyped halves fall", drops, _DROPS),
                _table("lens_base", "Against the base", base, _BASE),
                _table("suppression", "Rise and fall over the layers", suppression, _SUPPRESSION, rows=60),
            ],
        ),
        section("patching", "Activation patching", ("patching",)),
        section("paths", "Paths", ("paths",)),
        section("attention", "Attention", ("attention",)),
    ]
    kept = tuple(section for section in sections if section.text or section.drawings or section.tables)
    text = html.render(Document(f"Where {decoder.name} overrules the evidence", _CAVEATS, kept), Viewer(DEFAULT_URL, "."))
    with replaced_file(out / "index.html") as temporary:
        temporary.write_text(text, encoding="utf-8")


def _statistics(suppression: "pd.DataFrame") -> list[str]:
    """The statistics of a table in words, one a row."""
    return [
        _statistic(str(name), *numbers)
        for name, *numbers in suppression[["statistic", "value", "ci_lower", "ci_upper"]].itertuples(index=False)
    ]


def _statistic(name: str, value: float, lower: float, upper: float) -> str:
    """A statistic of the suppression with its interval: logits with their sign, layers without."""

    def told(number: float) -> str:
        return UNDEFINED if math.isnan(number) else f"{number:.0f}" if name in _LAYERS else score(number)

    return f"{told(value)} [{told(lower)}, {told(upper)}]"


def _table(name: str, title: str, frame: "pd.DataFrame | None", shown: Sequence[Shown], rows: int = _SHOWN) -> Table | None:
    if frame is None or frame.empty:
        return None
    note = f"The first {rows} of {len(frame)} rows; all are in frames/{name}.parquet." if len(frame) > rows else ""
    return Table(name, title, note, frame.head(rows), tuple(TableColumn(*column[:3], column[3], column[4]) for column in shown))
