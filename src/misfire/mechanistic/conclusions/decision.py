"""The one decision on which heads make a model misfire. It is computed from the tables, and all words and files follow from it.

A head is named only if all of this holds. The model misfires: its MAR surely exceeds its BR under the probe. On held-out scenarios,
ablating the best K heads restores more failures than random heads of the same layers do, and restores failures more than it restores
mirrored failures. And it keeps 90 % of what was right: contrast halves, controls, and foils, without which a model that merely says "yes"
looks mended too.
"""

# torch and pandas leave many types open
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
"""A head that closes less than this share of the gap between the halves is not told of, however sure its effect is."""

KEPT = 0.9
"""An ablation that keeps less than this of what was right breaks the model and explains nothing."""

ASKED = 10
"""With fewer controls, contrast halves or foils than this, nothing can be said of how much of them is kept."""

Outcome = Literal["one head", "several heads", "unguarded", "unconfirmed", "not held out", "indistinct", "reversed", "not analysed"]
"""What is decided.

``one head``, ``several heads``: held out, ablating so many heads mends misfiring and little else changes. ``unguarded``: it would, but too
few foils or controls were asked to see what else changes. ``unconfirmed``: no number of heads does. ``not held out``: the failures are of
one scenario, so nothing could be held out. ``indistinct``: MAR and BR cannot be told apart, so nothing is said of misfiring. ``reversed``:
BR surely exceeds MAR. ``not analysed``: heads were not ablated.
"""

Shortfall = Literal["random", "mirrors", "chance", "contrast", "controls", "foils", "few contrast halves", "few controls", "few foils"]
"""Why a number of heads does not count.

``random``: random heads may restore as much. ``mirrors``: mirrored failures may be restored as often. ``chance``: each is sure alone, but
not once it is allowed for that several K were tried. ``contrast``, ``controls``, ``foils``: less than 90 % of them are kept. ``few …``:
fewer than 10 were asked.
"""

_UNGUARDED: frozenset[Shortfall] = frozenset({"few contrast halves", "few controls", "few foils"})


@dataclass(frozen=True)
class CurvePoint:
    """A row of ``misfire.mechanistic.analyses.curve.curve_table``, which says what each number is."""

    k: int
    heads_0: str
    heads_1: str
    pairs: int
    scenarios: int
    recovery: float
    recovery_ci_lower: float
    recovery_ci_upper: float
    matched: float
    matched_upper: float
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
        """Why it does not count; empty if it does."""
        kept: dict[Shortfall, float] = {"contrast": self.contrast_kept, "controls": self.control_kept, "foils": self.foils_kept}
        asked: dict[Shortfall, int] = {
            "few contrast halves": self.contrast_asked,
            "few controls": self.control_asked,
            "few foils": self.foils_asked,
        }
        found: list[Shortfall] = []
        unsure = not self.mirror_p <= LEVEL
        if not (self.excess_p <= LEVEL and self.recovery > self.matched_upper) or (unsure and not self.mirrors):
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
        """The sets of heads that were ablated, by name: one if both folds chose the same."""
        return tuple(dict.fromkeys(",".join(sorted(heads.split(","))) for heads in (self.heads_0, self.heads_1) if heads))


@dataclass(frozen=True)
class Decision:
    """What is decided on a model.

    Attributes:
        outcome: What.
        misfiring: MAR against BR.
        heads: The heads that are named, the best first, and that the intervention file holds; none unless the curve confirms them.
        point: The row of the curve that it rests on: the smallest K that holds, else the one that comes nearest; none without a curve.
        tried: How many K were tried.
        alone: Other heads whose ablation alone surely and noticeably raises the stereotyped margin, and more than in mirrors; on the pairs
            that they were chosen on. Heads that feed a named one, or share its work, are among them. None where no head is named.
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
        misfiring: MAR against BR over all pairs that were asked.
        heads: As ``head_table`` gives it; empty if heads were not ablated.
        curve: As ``curve_table`` gives it; empty if nothing could be held out.
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
        return Decision("one head" if len(named) == 1 else "several heads", misfiring, named, point, len(points), alone)
    if unguarded := [point for point in points if _UNGUARDED.issuperset(point.shortfalls)]:
        return Decision("unguarded", misfiring, point=unguarded[0], tried=len(points))
    nearest = min(points, key=lambda point: (len(point.shortfalls), -point.recovery))
    return Decision("unconfirmed", misfiring, point=nearest, tried=len(points))


def curve_points(curve: "pd.DataFrame") -> tuple[CurvePoint, ...]:
    """The rows of a curve, by K."""
    rows = cast("list[dict[str, Any]]", curve.to_dict("records") if len(curve) else [])
    return tuple(CurvePoint(**{field.name: row[field.name] for field in fields(CurvePoint)}) for row in rows)


def convincing(points: "tuple[CurvePoint, ...]") -> tuple[CurvePoint, ...]:
    """The numbers of heads that hold: nothing falls short."""
    return tuple(point for point in points if not point.shortfalls)


def causes(heads: "pd.DataFrame", gap: float) -> list[Head]:
    """The heads of a table whose ablation alone surely and noticeably mends stereotyped halves, on the pairs that they are chosen on.

    Args:
        heads: As ``head_table`` gives it.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.

    Returns:
        Heads with q at most 0.05, Δ on stereotyped halves above 0 with its whole interval (where there is one), Δ on the failing halves of
        failures above that of mirrors with its whole interval (where there is one), and a score of at least a tenth of the gap and 0.3
        logits; the best first. By themselves they are candidates: see ``decide``.
    """
    if heads.empty:
        return []
    above = (heads["delta_stereotyped"] > 0) & ~(heads["delta_stereotyped_ci_lower"] <= 0) & ~(heads["over_mirrors_ci_lower"] <= 0)
    kept = heads[(heads["q"] <= LEVEL) & above & (heads["score"] >= max(SHARE * gap, UNRESOLVED))]
    return [Head(int(layer), int(head)) for layer, head in zip(kept["layer"], kept["head"], strict=True)]
