"""Sentences that state what the results of a model show, and no more than that."""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.mechanistic.conclusions.decision import ASKED, KEPT, CurvePoint, Decision, Shortfall
from misfire.mechanistic.conclusions.lens_verdict import lens_sentences
from misfire.mechanistic.conclusions.misfiring import Misfiring
from misfire.mechanistic.inference import LEVEL
from misfire.mechanistic.probed_pairs import Probed, ProbedPair
from misfire.reports.number_format import between, p_value, percent
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Findings:
    """The results that a verdict uses; frames are empty if an analysis was not run.

    Attributes:
        decision: Decision on the heads.
        drops: Output of ``drop_table``.
        recovery: Output of ``recovery_table``.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.
        base: Output of ``base_table``; None without a base.
    """

    decision: Decision
    drops: "pd.DataFrame"
    recovery: "pd.DataFrame"
    gap: float
    base: "pd.DataFrame | None" = None


def verdict(findings: Findings) -> list[str]:
    """Return sentences about a model.

    All sentences about heads follow from the decision, so they cannot contradict each other.

    Returns:
        Sentences that each state one result with its uncertainty, or state that it was not shown. The first
        one is about MAR and BR. If the model does not significantly misfire, there are no sentences about
        causes.
    """
    said = [_misfiring(findings.decision.misfiring)]
    if findings.decision.misfiring.finding != "misfires":
        return said
    return [
        *said,
        *_heads(findings.decision),
        *lens_sentences(findings.drops, findings.base, findings.gap),
        *_patching(findings.recovery),
    ]


def looked_into(probed: Probed) -> str:
    """Return a sentence that says which pairs were selected."""
    failures, mirrors, controls = probed.of("failure"), probed.of("mirror"), probed.of("control")
    dropped = (
        f" {probed.not_confirmed} pairs misfired in the log but not under the probe."
        if probed.not_confirmed
        else ""
    )
    flips = (
        f" {probed.flips} of {probed.considered} pairs that were asked were left out: a half has a margin "
        f"below {probed.min_margin:g} logits in size, a coin flip."
        if probed.flips
        else ""
    )
    origin = f"{probed.origin} " if probed.origin else ""
    return (
        f"{origin}Analyzed: {len(failures)} failures from {_scenarios(failures)} scenarios, {len(mirrors)} "
        f"mirrored failures{f' from {_scenarios(mirrors)} scenarios' if mirrors else ''}, and "
        f"{len(controls)} controls, which have both halves right.{dropped}{flips}"
    )


def _scenarios(pairs: tuple[ProbedPair, ...]) -> int:
    return len({one.pair.scenario for one in pairs})


def _misfiring(found: Misfiring) -> str:
    asked = (
        f"Of all {found.pairs} pairs from {found.scenarios} scenarios that were asked, {found.misfired} "
        f"have only the stereotyped half wrong (MAR {_rate(found.mar)}) and {found.mirrored} only the "
        f"contrast half (BR {_rate(found.br)})"
    )
    test = f"{_p(found.p)}, two-sided, sign flips by scenario"
    match found.finding:
        case "misfires":
            return (
                f"The model misfires. {asked}; {test}. Over all of these pairs, the contrast margin exceeds "
                f"the stereotyped margin by {found.gap.value:.2f} logits "
                f"({between(found.gap.lower, found.gap.upper, '{:.2f}'.format)})."
            )
        case "reversed":
            return (
                f"The model does not misfire: it shows the reverse pattern. {asked}; {test}. So there is no "
                "conclusion about a cause of misfiring, and the intervention file holds no heads."
            )
        case "indistinct":
            return (
                f"These results do not show that the model misfires. {asked}, which cannot be distinguished "
                f"({test}). A model that makes errors regardless of the person has such failures too, and "
                "the cause of its errors would look like a cause of misfiring here. So there is no "
                "conclusion about misfiring, and the intervention file holds no heads. Ask more pairs from "
                "more scenarios, and do not choose them by the answers of the model."
            )


def _rate(estimate: Estimate) -> str:
    return f"{percent(estimate.value)}, {between(estimate.lower, estimate.upper, percent)}"


def _heads(decision: Decision) -> list[str]:
    match decision.outcome:
        case "one head" | "several heads":
            return _named(decision)
        case "unguarded":
            return _unguarded(decision)
        case "unconfirmed":
            return _unconfirmed(decision)
        case "not held out":
            return [
                "No head is named: the failures are from one scenario, so heads cannot be tested on other "
                "scenarios than they are chosen on. Use pairs from more scenarios. The intervention file "
                "holds no heads."
            ]
        case "not analysed":
            return [
                "No head is named, and the intervention file holds no heads, because heads were not ablated."
            ]
        case _:
            return []


def _named(decision: Decision) -> list[str]:
    if (point := decision.point) is None:
        return []
    names = ", ".join(map(str, decision.heads))
    if decision.outcome == "one head":
        first = f"The wrong answers need the head {names}, which the intervention file holds."
    else:
        first = (
            f"The wrong answers need these {len(decision.heads)} heads together: {names}, which the "
            "intervention file holds. It was not shown that fewer of them are enough."
        )
    said = [f"{first} {_restored(point)}{_tried(decision.tried)}", _mirrors(point), _kept(point)]
    if set(point.chosen) != {",".join(sorted(map(str, decision.heads)))}:
        tested = " on one and ".join(heads.replace(",", ", ") for heads in point.chosen)
        said.append(
            f"The two halves of the scenarios did not choose the same heads: {tested} on the other were "
            f"tested. Over all scenarios, {names} {'ranks' if len(decision.heads) == 1 else 'rank'} first."
        )
    if decision.alone:
        shown = ", ".join(map(str, decision.alone[:5])) + (
            f" and {len(decision.alone) - 5} more" if len(decision.alone) > 5 else ""
        )
        said.append(
            f"{shown} also {'raises' if len(decision.alone) == 1 else 'raise'} the stereotyped margin when "
            "ablated alone (false discovery rate 5 %, on the pairs on which they were chosen). Heads that "
            "feed a named head, or share its work, look like this."
        )
    return said


def _restored(point: CurvePoint) -> str:
    return (
        f"Ablating {'the best head' if point.k == 1 else f'the best {point.k} heads'}, chosen on other "
        f"scenarios, restores {percent(point.recovery)} of {point.pairs} failures from {point.scenarios} "
        f"scenarios ({between(point.recovery_ci_lower, point.recovery_ci_upper, percent)}); random heads of "
        f"the same layers restore {percent(point.matched)} (mean of {point.draws} sets)."
    )


def _mirrors(point: CurvePoint) -> str:
    if not point.mirrors:
        return (
            "No mirrored failure could be tested, so it is not known whether ablation would restore "
            "mirrored failures as well. That it repairs misfiring, and not errors regardless of the person, "
            "rests only on MAR and BR: with so few errors in contrast halves alone, few failures can be "
            "such errors."
        )
    share = percent(point.mirror_recovery)
    shown = (
        f"The ablation restores {share} of {point.mirrors} mirrored failures from {point.mirror_scenarios} "
        "scenarios"
    )
    if not point.few_mirrors:
        return f"{shown}, a smaller share than of failures ({_p(point.mirror_p)})."
    return (
        f"{shown}. These are too few scenarios to compare the two shares. By number, many more failures "
        f"than mirrors are restored ({_p(point.mirror_p)})."
    )


def _p(p: float) -> str:
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def _kept(point: CurvePoint) -> str:
    return (
        f"After the ablation, {_share(point.contrast_kept, point.contrast_asked)} contrast halves of "
        f"failures, {_share(point.control_kept, point.control_asked)} halves of controls, and "
        f"{_share(point.foils_kept, point.foils_asked)} foils are still right."
    )


def _share(kept: float, asked: int) -> str:
    return f"{percent(kept)} of {asked}" if asked else "none of 0"


def _tried(tried: int) -> str:
    return (
        f" This remains significant after correction for the {tried} numbers of heads that were tried (Holm)."
        if tried > 1
        else ""
    )


_ASK_MORE: Mapping[Shortfall, str] = {
    "few foils": "foils that the model gets right (questions whose right answer is “no”; without them, a "
    "model that only says “yes” looks repaired too): use pairs with controls, for example `--pairs "
    "embedded`, `--pairs bbq`, `misfire pairs --controls`, or VETO logs with `-T controls=true`",
    "few controls": "pairs with both halves right: use more pairs",
    "few contrast halves": "failures: use more pairs",
}


def _unguarded(decision: Decision) -> list[str]:
    if (point := decision.point) is None:
        return []
    missing = "; and ".join(_ASK_MORE[name] for name in point.shortfalls)
    return [
        "No head is named, because it is not known what else the ablation breaks, and the intervention file "
        f"holds no heads. {_kept(point)} A conclusion needs at least {ASKED} {missing}.",
        _restored(point),
        _mirrors(point),
    ]


_SHORT: Mapping[Shortfall, str] = {
    "random": "it is not significantly more than random heads of the same layers restore",
    "mirrors": "failures are not restored significantly more often than mirrored failures, so the ablation "
    "may repair errors regardless of the person",
    "chance": "it is not significant after correction for the numbers of heads that were tried",
    "contrast": f"less than {KEPT:.0%} of contrast halves are kept",
    "controls": f"less than {KEPT:.0%} of controls are kept",
    "foils": f"less than {KEPT:.0%} of foils are kept: the model now says “yes” where it should not",
    "few foils": f"fewer than {ASKED} foils were right before the ablation",
    "few controls": f"fewer than {ASKED} halves of controls were asked",
    "few contrast halves": f"fewer than {ASKED} failures were asked",
}


def _unconfirmed(decision: Decision) -> list[str]:
    if (point := decision.point) is None:
        return []
    short = "; ".join(_SHORT[name] for name in point.shortfalls)
    said = [
        "No head is named, and the intervention file holds no heads: none of the numbers of heads that were "
        f"tried ({decision.tried} in all) was shown to repair misfiring and change little else. "
        f"{_restored(point)} This does not count: {short}.",
        _kept(point),
    ]
    if point.mirrors:
        said.append(
            f"The ablation restores {percent(point.mirror_recovery)} of {point.mirrors} mirrored failures "
            f"from {point.mirror_scenarios} scenarios."
        )
    if 0.5**point.scenarios * decision.tried > LEVEL:
        said.append(
            f"With failures from {point.scenarios} scenarios and {decision.tried} numbers of heads, no "
            "result could be significant: use pairs from more scenarios, or fewer numbers (--ks)."
        )
    return said


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
        return [
            "Patching no single attention or MLP output at the last token significantly moves stereotyped "
            "answers toward the contrast run."
        ]
    row = own.iloc[int(own["recovery"].argmax())]
    return [
        "At the last token, the output that carries most of the difference between the halves is the "
        f"{row['site']} of layer {int(row['layer'])}: patching it alone recovers {percent(row['recovery'])} "
        f"({between(row['ci_lower'], row['ci_upper'], percent)}). As the largest of {asked}, this value "
        "is biased upward."
    ]
