"""What the logit lens allows one to say: whether evidence is read and then overruled, and whether the base model does so too."""

# pandas leaves many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.mechanistic.conclusions.decision import SHARE
from misfire.mechanistic.inference import UNRESOLVED
from misfire.reports.number_format import UNDEFINED, p_value

if TYPE_CHECKING:
    import pandas as pd

SURE = 0.025
"""One-sided p up to which a difference is sure, which is 5 % two-sided. With fewer than six scenarios none is."""


@dataclass(frozen=True)
class _Compared:
    """A row of ``drop_table`` or ``base_table``.

    Attributes:
        value: The mean.
        lower: Lower end of its 95 % interval.
        upper: Upper end.
        p: One-sided p that it is above 0.
        pairs: Pairs that it rests on.
        scenarios: Their scenarios.
        others: Pairs or halves that they were compared with.
    """

    value: float
    lower: float
    upper: float
    p: float
    pairs: int
    scenarios: int
    others: int

    @property
    def sure(self) -> bool:
        """Whether it is surely above 0; where all scenarios are alike there is no interval, and p decides."""
        return self.p <= SURE and not self.lower <= 0

    def __str__(self) -> str:
        ends = UNDEFINED if math.isnan(self.lower) else f"{self.lower:+.2f} to {self.upper:+.2f}"
        return f"{self.value:+.2f} logits ({ends})"


def lens_sentences(drops: "pd.DataFrame", base: "pd.DataFrame | None", gap: float) -> list[str]:
    """Sentences on what the lens shows.

    Args:
        drops: As ``misfire.mechanistic.conclusions.drops.drop_table`` gives it; empty if the lens was not made.
        base: As ``base_table`` gives it; empty or none without a base.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.

    Returns:
        A sentence on the model, and one on the model against its base; none without a table.
    """
    found = _by_name(drops[drops["model"] == "model"]) if len(drops) else {}
    return [*([_drop(found, gap)] if found else []), *([_base(base)] if base is not None and len(base) else [])]


def overruled(drops: "pd.DataFrame", gap: float) -> bool:
    """Whether it may be said that the evidence is read and then overruled.

    Args:
        drops: As ``drop_table`` gives it.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.

    Returns:
        Whether on failures the raw stereotyped margin rises surely and noticeably above 0 before the last layer, and falls from there
        surely and noticeably further than contrast halves of the same pairs and than controls do; and whether over all pairs together,
        mirrored failures and controls among them, stereotyped halves surely fall further than contrast halves, which the choice of failures
        cannot bring about. Noticeable: 0.3 logits and a tenth of the gap.
    """
    found = _by_name(drops[drops["model"] == "model"]) if len(drops) else {}
    return bool(found) and not _missing(found, gap)


def _by_name(rows: "pd.DataFrame") -> dict[str, _Compared]:
    names = ("value", "ci_lower", "ci_upper", "p", "pairs", "scenarios", "others")
    return {str(compared): _Compared(*values) for compared, *values in rows[["compared", *names]].itertuples(index=False)}


def _missing(found: dict[str, _Compared], gap: float) -> list[str]:
    """In which comparisons the drop is not shown to be larger."""
    least = max(SHARE * gap, UNRESOLVED)
    large = ("peak", "drop", "contrast halves", "controls")
    missing = [name for name in large if not (found[name].sure and found[name].value >= least)]
    return missing if found["all pairs"].sure else [*missing, "all pairs"]


def _drop(found: dict[str, _Compared], gap: float) -> str:
    peak, final, drop, contrast, controls, everything = (
        found[name] for name in ("peak", "final", "drop", "contrast halves", "controls", "all pairs")
    )
    missing = _missing(found, gap)
    few = f" With failures of {peak.scenarios} scenarios nothing could be sure; it takes six." if 2.0**-peak.scenarios > SURE else ""
    profile = (
        f"on {peak.pairs} failures of {peak.scenarios} scenarios the raw stereotyped margin is {peak} at its peak before the last layer "
        f"and {final} at the end, where the model answers"
    )
    than = (
        f"than contrast halves of the same pairs by {contrast}; than {controls.others} controls by {controls}; over all {everything.pairs} "
        f"pairs, mirrored failures and controls among them and each weighted by the candidates that it stands for, stereotyped halves fall "
        f"further than contrast halves by {everything}, {_p(everything.p)}"
    )
    if not controls.others:
        than = than.replace(
            f"than {controls.others} controls by {controls}", "with controls it could not be compared, since there are none"
        )
    if not missing:
        return (
            f"Logit lens: {profile}. It falls by {drop}, further {than}. As far as the lens tells, the evidence is read and then overruled."
        )
    if "peak" in missing:
        return (
            f"Logit lens: {profile}. No layer before the last surely and noticeably favors the right answer, so the lens does not show "
            f"that the evidence is read and then overruled.{few}"
        )
    if "drop" in missing:
        return f"Logit lens: {profile}. That it falls ({drop}) is not sure or not noticeable, so the lens does not show an overruling.{few}"
    return (
        f"Logit lens: {profile}. It falls by {drop}, but what is not overruled falls too. It falls further {than}. "
        f"Not shown, or too small to count: {_named(missing)}. So the lens does not show that the evidence is overruled.{few}"
    )


def _p(p: float) -> str:
    told = p_value(p)
    return f"p {told}" if told.startswith("<") else f"p = {told}"


def _named(missing: list[str]) -> str:
    words = {
        "contrast halves": "more than contrast halves",
        "controls": "more than controls",
        "all pairs": "more over all pairs, as the choice of failures alone cannot bring about",
    }
    return "; ".join(words[name] for name in missing)


def _base(base: "pd.DataFrame") -> str:
    """The model against its base, on the pairs of all groups together."""
    rows = base[base["group"] == "all"]
    found = _by_name(rows)
    means = {str(name): (float(model), float(other)) for name, model, other in rows[["compared", "model", "base"]].itertuples(index=False)}
    gap, drop = found["gap_final"], found["drop"]
    numbers = (
        f"over the same {gap.pairs} pairs of {gap.scenarios} scenarios, weighted by the candidates that they stand for, the gap contrast − "
        f"stereotyped at the end is {means['gap_final'][0]:+.2f} logits in the model and {means['gap_final'][1]:+.2f} in its base "
        f"(difference {gap}, {_p(gap.p)}); the stereotyped margin falls after its peak by {means['drop'][0]:+.2f} and "
        f"{means['drop'][1]:+.2f} (difference {drop})"
    )
    failures = _by_name(base[base["group"] == "failure"])
    on_failures = (
        f" On failures alone the difference of the gap is {failures['gap_final']}; they were chosen by how the model answers and not by "
        "how its base does, which raises it."
        if failures
        else ""
    )
    if gap.sure and gap.value >= UNRESOLVED:
        said = "So the model misfires by more than its base does: what makes it misfire came with the training between the two."
    elif not math.isnan(gap.upper) and gap.upper < 0:
        said = "So the base misfires by more than the model does."
    else:
        said = "So it is not shown that the model misfires by more than its base does."
    return f"Against the base: {numbers}. {said}{on_failures}"
