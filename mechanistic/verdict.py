"""What the numbers of a model allow one to say, in words, and no more than that."""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.mechanistic.ablation import UNRESOLVED
from misfire.mechanistic.heads import Head
from misfire.reports.forms import UNDEFINED, percent

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05
"""Of the false discovery rate."""

SHARE = 0.1
"""A head that closes less than this share of the gap between the halves is not told of as a cause, however sure its effect is."""

KEPT = 0.9
"""An ablation that keeps less than this of what was right breaks the model and explains nothing."""


@dataclass(frozen=True)
class Findings:
    """The tables that a verdict rests on; empty frames where an analysis was not made.

    Attributes:
        heads: ``head_table``.
        curve: ``curve_table``.
        suppression: ``suppression``.
        recovery: ``recovery_table``.
    """

    heads: "pd.DataFrame"
    curve: "pd.DataFrame"
    suppression: "pd.DataFrame"
    recovery: "pd.DataFrame"


def causes(heads: "pd.DataFrame", gap: float) -> list[Head]:
    """The heads of a table whose ablation surely and noticeably mends stereotyped halves.

    Args:
        heads: As ``head_table`` gives it.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.

    Returns:
        Heads with q at most 0.05, Δ on stereotyped halves above 0 with its whole interval (where there is one), and a score of at least a
        tenth of the gap and 0.3 logits; the best first.
    """
    if heads.empty:
        return []
    above = (heads["delta_stereotyped"] > 0) & ~(heads["delta_stereotyped_ci_lower"] <= 0)
    kept = heads[(heads["q"] <= LEVEL) & above & (heads["score"] >= max(SHARE * gap, UNRESOLVED))]
    return [Head(int(layer), int(head)) for layer, head in zip(kept["layer"], kept["head"], strict=True)]


def verdict(findings: Findings, gap: float, scenarios: int) -> list[str]:
    """Sentences on a model.

    Args:
        findings: Its tables.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.
        scenarios: Scenarios of the failures.

    Returns:
        Each says one thing, with its uncertainty; what could not be shown is said to be so.
    """
    return [
        *_heads(findings.heads, gap, scenarios),
        *_curve(findings.curve),
        *_lens(findings.suppression, gap),
        *_patching(findings.recovery),
    ]


def _heads(heads: "pd.DataFrame", gap: float, scenarios: int) -> list[str]:
    if heads.empty:
        return []
    found = causes(heads, gap)
    sure = int((heads["q"] <= LEVEL).sum())
    if not found:
        small = f" {sure} of {len(heads)} have effects that are sure but small." if sure else ""
        if (reachable := 2.0**-scenarios * len(heads)) > LEVEL:
            small += (
                f" With {scenarios} scenarios no head could be told from chance among {len(heads)} (the best q that can be reached "
                "by one head alone is "
                f"{min(reachable, 1):.2f}): give pairs of more scenarios."
            )
        return [
            f"No single head was found whose ablation surely and noticeably raises the stereotyped margin without moving contrast "
            f"ones.{small}"
        ]
    shown = ", ".join(map(str, found[:5])) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    best = heads[heads["name"] == str(found[0])].iloc[0]
    return [
        f"Of {len(heads)} heads {len(found)} {'raises' if len(found) == 1 else 'raise'} the stereotyped margin noticeably when "
        "ablated alone "
        f"(false discovery rate 5 %): {shown}. The strongest, {found[0]}, raises the stereotyped margin by "
        f"{best['delta_stereotyped']:.2f} logits "
        f"({best['delta_stereotyped_ci_lower']:.2f} to {best['delta_stereotyped_ci_upper']:.2f}) of a gap of {gap:.2f}, "
        f"and moves the contrast margin by {best['delta_contrast']:+.2f}, on the pairs that it was chosen on."
    ]


def convincing(curve: "pd.DataFrame") -> list[int]:
    """How many of the best heads must be ablated to restore more than random heads of the same layers do while little else breaks.

    Args:
        curve: As ``curve_table`` gives it.

    Returns:
        The numbers for which it holds: the excess is surely above 0, recovery lies outside the random band, and 90 % of contrast halves,
        controls and foils are kept. Where all scenarios have the same excess there is no interval, and a sign test over them decides.
    """
    return [
        int(row["k"])
        for _, row in curve.iterrows()
        if _above(row["excess"], row["excess_ci_lower"], int(row["scenarios"]))
        and row["recovery"] > row["matched_upper"]
        and min(_or_one(row["contrast_kept"]), _or_one(row["control_kept"]), _or_one(row["foils_kept"])) >= KEPT
    ]


def _curve(curve: "pd.DataFrame") -> list[str]:
    if curve.empty:
        return []
    enough = convincing(curve)
    row = curve[curve["k"] == enough[0]].iloc[0] if enough else curve.iloc[int(curve["recovery"].argmax())]
    numbers = (
        f"ablating the best {int(row['k'])} (chosen on other scenarios) restores {percent(row['recovery'])} of {int(row['pairs'])} "
        "failures "
        f"({percent(row['recovery_ci_lower'])} to {percent(row['recovery_ci_upper'])}); random heads of the same layers restore "
        f"{percent(row['matched'])}. Kept: contrast halves {percent(row['contrast_kept'])}, controls {percent(row['control_kept'])}, "
        f"foils {percent(row['foils_kept'])}."
    )
    if math.isnan(row["foils_kept"]):
        numbers += " No foil was right before, or none was asked, so a model that merely says yes now would look mended too."
    if enough:
        return [f"Held out, {numbers} This is more than random heads do, and little else that was looked at breaks."]
    return [
        f"Held out, {numbers} No number of heads restored more than random heads of the same layers do while keeping {KEPT:.0%} of "
        "the rest, "
        "so that this recovery is no evidence of a circuit."
    ]


def _lens(suppression: "pd.DataFrame", gap: float) -> list[str]:
    own = suppression[(suppression["model"] == "model") & (suppression["group"] == "failure")] if len(suppression) else suppression
    if own.empty:
        return []
    names = ("value", "ci_lower", "ci_upper")
    value = {str(row["statistic"]): tuple(float(row[name]) for name in names) for row in own.to_dict("records")}
    (peak, *peak_ends), (drop, *drop_ends), handover, layer = value["peak"], value["drop"], value["handover"][0], value["layer"][0]
    # a sure but tiny peak is no reading of the evidence
    if peak < max(SHARE * gap, UNRESOLVED) or not (_above(peak, peak_ends[0]) and _above(drop, drop_ends[0])):
        return [
            "The logit lens shows no noticeable rise of the evidence that later layers take back: "
            "the stereotyped margin's peak before the last layer "
            f"is {peak:.2f} logits ({_ends(*peak_ends)})."
        ]
    where = "" if math.isnan(handover) else f", and is below 0 from layer {int(handover)} on"
    return [
        f"On failures the stereotyped margin peaks at {peak:.2f} logits ({_ends(*peak_ends)}) at layer {int(layer)} and falls by "
        f"{drop:.2f} "
        f"({_ends(*drop_ends)}){where}: the evidence is read and then overruled, as far as the lens tells."
    ]


def _patching(recovery: "pd.DataFrame") -> list[str]:
    if recovery.empty:
        return []
    own = recovery[
        (recovery["direction"] == "denoising")
        & (recovery["where"] == "last")
        & (recovery["site"] != "residual")
        & ~recovery["by_construction"]
    ]
    asked, own = len(own), own[own["ci_lower"] > 0]
    if own.empty:
        return ["Patching no single attention or MLP output at the last token surely moves stereotyped answers towards the contrast run's."]
    row = own.iloc[int(own["recovery"].argmax())]
    return [
        f"At the last token the output that carries most of the difference between the halves is the {row['site']} of layer "
        f"{int(row['layer'])}: "
        f"patching it alone recovers {percent(row['recovery'])} ({percent(row['ci_lower'])} to {percent(row['ci_upper'])}); as the largest "
        f"of {asked} it is flattered."
    ]


def _above(value: float, lower: float, clusters: int = 0) -> bool:
    """Whether a value is surely above 0; where all clusters are alike there is no interval, and a two-sided sign test over them decides."""
    return value > 0 and (2 * 0.5**clusters <= LEVEL if math.isnan(lower) else lower > 0)


def _or_one(share: float) -> float:
    return 1.0 if math.isnan(share) else share


def _ends(lower: float, upper: float) -> str:
    return UNDEFINED if math.isnan(lower) else f"{lower:.2f} to {upper:.2f}"
