"""Decide which heads make a model misfire.

The decision is computed from the tables, and all sentences and files follow from it.

A head is named only if all of the following is true. The model misfires: its MAR is significantly larger than
its BR under the probe. On held-out scenarios, ablating the best K heads restores more failures than ablating
random heads of the same layers, and restores failures more often than mirrored failures. And at least 90 % of
what was right stays right: contrast halves, controls, and foils. Without foils, a model that only says "yes"
would look repaired too.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, cast

from misfire.mechanistic.analyses.ablation import ranked
from misfire.mechanistic.conclusions.misfiring import Misfiring
from misfire.mechanistic.inference import LEVEL, UNRESOLVED
from misfire.mechanistic.model.head_names import Head

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.1
"""A head that closes less than this share of the gap between the halves is not reported, even if its
effect is significant."""

KEPT = 0.9
"""An ablation that keeps a smaller share of what was right breaks the model and explains nothing."""

ASKED = 10
"""With fewer controls, contrast halves or foils, the share that stays right is not known well enough."""

Outcome = Literal[
    "one head",
    "several heads",
    "unguarded",
    "unconfirmed",
    "not held out",
    "indistinct",
    "reversed",
    "not analysed",
]
"""Outcome of the decision.

``one head``, ``several heads``: on held-out scenarios, ablating these heads repairs misfiring and changes
little else. ``unguarded``: it does repair misfiring, but too few foils or controls were asked to see what
else changes. ``unconfirmed``: no number of heads does. ``not held out``: the failures are from one scenario,
so no scenario could be held out. ``indistinct``: MAR and BR cannot be distinguished, so there is no
conclusion about misfiring. ``reversed``: BR is significantly larger than MAR. ``not analysed``: heads were
not ablated. """

Shortfall = Literal[
    "random",
    "mirrors",
    "chance",
    "contrast",
    "controls",
    "foils",
    "few contrast halves",
    "few controls",
    "few foils",
]
"""Reason why a number of heads does not count.

``random``: random heads may restore as much. ``mirrors``: mirrored failures may be restored as often.
``chance``: each test is significant alone, but not after correction for the number of K that were tried.
``contrast``, ``controls``, ``foils``: less than 90 % of them are kept. ``few …``: fewer than 10 were asked.
"""

_UNGUARDED: frozenset[Shortfall] = frozenset({"few contrast halves", "few controls", "few foils"})


@dataclass(frozen=True)
class CurvePoint:
    """A row of ``misfire.mechanistic.analyses.curve.curve_table``, which describes the columns."""

    k: int
    heads_0: str
    heads_1: str
    pairs: int
    scenarios: int
    recovery: float
    recovery_ci_lower: float
    recovery_ci_upper: float
    matched: float
    above_random: bool
    draws: int
    excess_p: float
    mirrors: int
    mirror_scenarios: int
    mirror_recovery: float
    few_mirrors: bool
    mirror_p: float
    p_holm: float
    contrast_kept: float
    contrast_asked: int
    control_kept: float
    control_asked: int
    foils_kept: float
    foils_asked: int

    @property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """Reasons why it does not count; empty if it does."""
        kept: dict[Shortfall, float] = {
            "contrast": self.contrast_kept,
            "controls": self.control_kept,
            "foils": self.foils_kept,
        }
        asked: dict[Shortfall, int] = {
            "few contrast halves": self.contrast_asked,
            "few controls": self.control_asked,
            "few foils": self.foils_asked,
        }
        found: list[Shortfall] = []
        unsure = not self.mirror_p <= LEVEL
        if not (self.excess_p <= LEVEL and self.above_random) or (unsure and not self.mirrors):
            found.append("random")
        if unsure and self.mirrors and self.recovery > 0:
            found.append("mirrors")
        if not found and not self.p_holm <= LEVEL:
            found.append("chance")
        return (
            *found,
            *(name for name, share in kept.items() if share < KEPT),
            *(name for name, count in asked.items() if count < ASKED),
        )

    @property
    def chosen(self) -> tuple[str, ...]:
        """The distinct sets of heads that were ablated, by name: one if both folds chose the same heads."""
        return tuple(
            dict.fromkeys(
                ",".join(sorted(heads.split(","))) for heads in (self.heads_0, self.heads_1) if heads
            )
        )


@dataclass(frozen=True)
class Decision:
    """Decision on the heads of a model.

    Attributes:
        outcome: Outcome of the decision.
        misfiring: Comparison of MAR and BR.
        heads: The named heads, best first, as in the intervention file; empty unless the curve confirms them.
        point: The row of the curve that supports the decision: the smallest K that meets all conditions, or
            else the one that comes closest; None without a curve.
        tried: Number of K that were tried.
        alone: Other heads whose ablation alone significantly and noticeably raises the stereotyped margin,
            and more than in mirrors, measured on the pairs on which they were chosen. They include heads that
            feed a named head or share its work. Empty if no head is named.
    """

    outcome: Outcome
    misfiring: Misfiring
    heads: tuple[Head, ...] = ()
    point: CurvePoint | None = None
    tried: int = 0
    alone: tuple[Head, ...] = ()


def decide(misfiring: Misfiring, heads: "pd.DataFrame", curve: "pd.DataFrame", gap: float) -> Decision:
    """Decide on the heads of a model.

    Args:
        misfiring: Comparison of MAR and BR over all pairs that were asked.
        heads: Output of ``head_table``; empty if heads were not ablated.
        curve: Output of ``curve_table``; empty if no scenario could be held out.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.

    Returns:
        The decision.
    """
    if misfiring.finding != "misfires":
        return Decision(misfiring.finding, misfiring)
    if heads.empty:
        return Decision("not analysed", misfiring)
    points = curve_points(curve)
    if not points:
        return Decision("not held out", misfiring)
    if holding := convincing(points):
        point = holding[0]
        named = tuple(ranked(heads)[: point.k])
        alone = tuple(head for head in causes(heads, gap) if head not in named)
        return Decision(
            "one head" if len(named) == 1 else "several heads", misfiring, named, point, len(points), alone
        )
    if unguarded := [point for point in points if _UNGUARDED.issuperset(point.shortfalls)]:
        return Decision("unguarded", misfiring, point=unguarded[0], tried=len(points))
    nearest = min(points, key=lambda point: (len(point.shortfalls), -point.recovery))
    return Decision("unconfirmed", misfiring, point=nearest, tried=len(points))


def curve_points(curve: "pd.DataFrame") -> tuple[CurvePoint, ...]:
    """Return the rows of a curve, by K."""
    rows = cast("list[dict[str, Any]]", curve.to_dict("records") if len(curve) else [])
    return tuple(CurvePoint(**{field.name: row[field.name] for field in fields(CurvePoint)}) for row in rows)


def convincing(points: "tuple[CurvePoint, ...]") -> tuple[CurvePoint, ...]:
    """Return the points that meet all conditions."""
    return tuple(point for point in points if not point.shortfalls)


def causes(heads: "pd.DataFrame", gap: float) -> list[Head]:
    """Return the heads whose ablation alone significantly and noticeably repairs stereotyped halves.

    This is tested on the pairs that chose the heads.

    Args:
        heads: Output of ``head_table``.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.

    Returns:
        Heads that meet these conditions, best first: q is at most 0.05; Δ on stereotyped halves is above 0,
        including its interval (if there is one); Δ on the failing halves of failures is larger than that of
        mirrors, including its interval (if there is one); and the score is at least a tenth of the gap and at
        least 0.3 logits. By themselves, these heads are only candidates; see ``decide``.
    """
    if heads.empty:
        return []
    above = (
        (heads["delta_stereotyped"] > 0)
        & ~(heads["delta_stereotyped_ci_lower"] <= 0)
        & ~(heads["over_mirrors_ci_lower"] <= 0)
    )
    kept = heads[(heads["q"] <= LEVEL) & above & (heads["score"] >= max(SHARE * gap, UNRESOLVED))]
    return [Head(int(layer), int(head)) for layer, head in zip(kept["layer"], kept["head"], strict=True)]
