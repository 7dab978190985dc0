"""Sentences about the logit lens.

They say whether evidence is read and then overruled, and whether the base model does this too.
"""

# many types in pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.mechanistic.conclusions.decision import SHARE
from misfire.mechanistic.inference import UNRESOLVED
from misfire.reports.number_format import between, p_value, score

if TYPE_CHECKING:
    import pandas as pd

SURE = 0.025
"""Largest one-sided p of a significant difference (5 % two-sided). It cannot be reached with fewer than
six scenarios."""


@dataclass(frozen=True)
class _Compared:
    """A row of ``drop_table`` or ``base_table``.

    Attributes:
        value: The mean.
        lower: Lower end of its 95 % interval.
        upper: Upper end.
        p: One-sided p that it is above 0.
        pairs: Number of pairs.
        scenarios: Number of scenarios of the pairs.
        others: Number of pairs or halves in the comparison.
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
        """Whether it is significantly above 0.

        If all scenarios are alike there is no interval, and p alone decides.
        """
        return self.p <= SURE and not self.lower <= 0

    def __str__(self) -> str:
        return f"{self.value:+.2f} logits ({between(self.lower, self.upper, score)})"


def lens_sentences(drops: "pd.DataFrame", base: "pd.DataFrame | None", gap: float) -> list[str]:
    """Return sentences about the result of the lens.

    Args:
        drops: Output of ``misfire.mechanistic.conclusions.drops.drop_table``; empty if the lens was not run.
        base: Output of ``base_table``; empty or None without a base.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.

    Returns:
        A sentence about the model, and one that compares it with its base; none without a table.
    """
    found = _by_name(drops[drops["model"] == "model"]) if len(drops) else {}
    return [
        *([_drop(found, gap)] if found else []),
        *([_base(base)] if base is not None and len(base) else []),
    ]


def overruled(drops: "pd.DataFrame", gap: float) -> bool:
    """Return whether the results show that the evidence is read and then overruled.

    Args:
        drops: Output of ``drop_table``.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.

    Returns:
        True if all of the following holds. On failures, the raw stereotyped margin rises significantly and
        noticeably above 0 before the last layer. From there it falls significantly and noticeably further
        than contrast halves of the same pairs and than controls. Over all pairs, including mirrored failures
        and controls, stereotyped halves fall significantly further than contrast halves, which the selection
        of failures cannot cause. Noticeable means at least 0.3 logits and a tenth of the gap.
    """
    found = _by_name(drops[drops["model"] == "model"]) if len(drops) else {}
    return bool(found) and not _missing(found, gap)


def _by_name(rows: "pd.DataFrame") -> dict[str, _Compared]:
    names = ("value", "ci_lower", "ci_upper", "p", "pairs", "scenarios", "others")
    return {
        str(compared): _Compared(*values)
        for compared, *values in rows[["compared", *names]].itertuples(index=False)
    }


def _missing(found: dict[str, _Compared], gap: float) -> list[str]:
    """Return the comparisons that do not show a larger drop."""
    least = max(SHARE * gap, UNRESOLVED)
    large = ("peak", "drop", "contrast halves", "controls")
    missing = [name for name in large if not (found[name].sure and found[name].value >= least)]
    return missing if found["all pairs"].sure else [*missing, "all pairs"]


def _drop(found: dict[str, _Compared], gap: float) -> str:
    peak, final, drop, contrast, controls, everything = (
        found[name] for name in ("peak", "final", "drop", "contrast halves", "controls", "all pairs")
    )
    missing = _missing(found, gap)
    few = (
        f" Failures from {peak.scenarios} scenarios cannot give a significant result; it takes six."
        if 2.0**-peak.scenarios > SURE
        else ""
    )
    profile = (
        f"on {peak.pairs} failures from {peak.scenarios} scenarios, the raw stereotyped margin is {peak} at "
        f"its peak before the last layer and {final} at the end, where the model answers"
    )
    than = (
        f"than contrast halves of the same pairs by {contrast}; than {controls.others} controls by "
        f"{controls}; over all {everything.pairs} pairs, including mirrored failures and controls, each "
        "weighted by the candidates that it stands for, stereotyped halves fall further than contrast "
        f"halves by {everything}, {_p(everything.p)}"
    )
    if not controls.others:
        than = than.replace(
            f"than {controls.others} controls by {controls}", "there are no controls to compare it with"
        )
    if not missing:
        return (
            f"Logit lens: {profile}. It falls by {drop}, further {than}. According to the lens, the "
            "evidence is read and then overruled."
        )
    if "peak" in missing:
        return (
            f"Logit lens: {profile}. No layer before the last significantly and noticeably favors the right "
            f"answer, so the lens does not show that the evidence is read and then overruled.{few}"
        )
    if "drop" in missing:
        return (
            f"Logit lens: {profile}. Its fall ({drop}) is not significant or not noticeable, so the lens "
            f"does not show overruling.{few}"
        )
    return (
        f"Logit lens: {profile}. It falls by {drop}, but margins that are not overruled also fall. It falls "
        f"further {than}. Not shown, or too small to count: {_named(missing)}. So the lens does not show "
        f"that the evidence is overruled.{few}"
    )


def _p(p: float) -> str:
    p_text = p_value(p)
    return f"p {p_text}" if p_text.startswith("<") else f"p = {p_text}"


def _named(missing: list[str]) -> str:
    words = {
        "contrast halves": "more than contrast halves",
        "controls": "more than controls",
        "all pairs": "more over all pairs, which the selection of failures alone cannot cause",
    }
    return "; ".join(words[name] for name in missing)


def _base(base: "pd.DataFrame") -> str:
    """Return the comparison of the model with its base, on the pairs of all groups together."""
    rows = base[base["group"] == "all"]
    found = _by_name(rows)
    means = {
        str(name): (float(model), float(other))
        for name, model, other in rows[["compared", "model", "base"]].itertuples(index=False)
    }
    gap, drop = found["gap_final"], found["drop"]
    numbers = (
        f"over the same {gap.pairs} pairs from {gap.scenarios} scenarios, weighted by the candidates that "
        f"they stand for, the gap contrast − stereotyped at the end is {means['gap_final'][0]:+.2f} logits "
        f"in the model and {means['gap_final'][1]:+.2f} in its base (difference {gap}, {_p(gap.p)}); after "
        f"its peak, the stereotyped margin falls by {means['drop'][0]:+.2f} and {means['drop'][1]:+.2f} "
        f"(difference {drop})"
    )
    failures = _by_name(base[base["group"] == "failure"])
    on_failures = (
        f" On failures alone, the difference of the gap is {failures['gap_final']}. It is too large, "
        "because failures were chosen by the answers of the model and not of its base."
        if failures
        else ""
    )
    if gap.sure and gap.value >= UNRESOLVED:
        said = (
            "So the model misfires by more than its base does: the cause of misfiring came with the "
            "training between the two."
        )
    elif not math.isnan(gap.upper) and gap.upper < 0:
        said = "So the base misfires by more than the model does."
    else:
        said = "So it is not shown that the model misfires by more than its base does."
    return f"Against the base: {numbers}. {said}{on_failures}"
