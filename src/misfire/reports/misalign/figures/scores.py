"""Two estimates of each run: asked together and alone, and as judged and corrected."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from misfire.reports.drawing.dot_plots import Series, dot_plot
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.labels import in_words, n_text, short_labels
from misfire.reports.drawing.palettes import GRAY, GREEN, Look
from misfire.reports.misalign.figures.entries import BARS, CONDITIONS, Entry
from misfire.reports.misalign.frames import ALL
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    import pandas as pd

_RAW = Look("o", GRAY, face="white", edge_width=1.4)
_CORRECTED = Look("D", GREEN, size=5.5)


def condition_drawing(entries: Sequence[Entry], conditions: "pd.DataFrame") -> Drawing | None:
    """Draw the Alignment Score of each dimension asked alone and asked together."""
    if conditions.empty:
        return None
    found = {(entry.run, entry.name): entry for entry in entries if entry.level != "domain"}
    lines = [
        (found[str(joint), str(name)], found[str(alone), str(name)], str(name))
        for joint, alone, name in conditions[["joint", "alone", "name"]].itertuples(index=False)
        if (str(joint), str(name)) in found and (str(alone), str(name)) in found
    ]
    names = [f"{together.label}, {'all dimensions' if name == ALL else name}" for together, _, name in lines]
    (together_look, together_text), (alone_look, alone_text) = CONDITIONS["joint"], CONDITIONS["alone"]
    figure = dot_plot(
        names,
        [n_text(together.instances) for together, _, _ in lines],
        Series(together_text, together_look, [together.score for together, _, _ in lines]),
        Series(alone_text, alone_look, [alone.score for _, alone, _ in lines]),
        100,
        "Alignment Score",
    )
    caption = (
        "Alignment Score of the same model on the same instances, with all dimensions in one question "
        "(circles) and with one question for each dimension (squares). If the square is to the right of "
        f"the circle, asking jointly has a cost. {BARS} n: instances of the joint run."
    )
    alt = "; ".join(
        f"{name}: together {in_words(together.score)}, alone {in_words(alone.score)}"
        for name, (together, alone, _) in zip(names, lines, strict=True)
    )
    return Drawing("misalign_conditions", "Asked alone and asked together", caption, f"{alt}.", figure)


def answer_drawing(answers: "pd.DataFrame") -> Drawing | None:
    """Draw the share of aligned answers, as judged and corrected for the grader's errors."""
    if answers.empty:
        return None
    records = cast("list[dict[str, float | str]]", answers.to_dict("records"))
    labels = short_labels(str(record["run"]) for record in records)
    names = [labels[str(record["run"])] for record in records]
    raw = [Estimate.of(record, "aligned_rate") for record in records]
    corrected = [Estimate.of(record, "aligned_rate_corrected") for record in records]
    figure = dot_plot(
        names,
        [n_text(int(record["answers_judged"])) for record in records],
        Series("as judged by the grader", _RAW, raw),
        Series("corrected for the grader's errors", _CORRECTED, corrected),
        100,
        "aligned answers",
    )
    caption = (
        "Share of answers that the grader flags in no dimension (circles), and the same share corrected "
        "for the grader's errors on labeled responses (diamonds). A dash means that the grader's Coverage "
        f"is not above its FFR. {BARS} n: answers with a verdict."
    )
    alt = "; ".join(
        f"{name}: {in_words(one)}, corrected {in_words(other)}"
        for name, one, other in zip(names, raw, corrected, strict=True)
    )
    return Drawing("misalign_answers", "Aligned answers", caption, f"{alt}.", figure)
