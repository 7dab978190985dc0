"""What the numbers of a model allow one to say, in words, and no more than that."""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.mechanistic.conclusions.decision import ASKED, KEPT, CurvePoint, Decision, Shortfall
from misfire.mechanistic.conclusions.lens_verdict import lens_sentences
from misfire.mechanistic.conclusions.misfiring import Misfiring
from misfire.mechanistic.inference import LEVEL
from misfire.mechanistic.probed_pairs import Probed, ProbedPair
from misfire.reports.number_format import UNDEFINED, between, p_value, percent
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Findings:
    """What a verdict rests on; empty frames where an analysis was not made.

    Attributes:
        decision: What was decided on the heads.
        drops: ``drop_table``.
        recovery: ``recovery_table``.
        gap: Mean contrast margin minus mean stereotyped margin of the failures.
        base: ``base_table``; none without a base.
    """

    decision: Decision
    drops: "pd.DataFrame"
    recovery: "pd.DataFrame"
    gap: float
    base: "pd.DataFrame | None" = None


def verdict(findings: Findings) -> list[str]:
    """Sentences on a model. Those on heads all follow from the decision, so that none contradicts another.

    Args:
        findings: Its tables and the decision.

    Returns:
        Each says one thing, with its uncertainty; what could not be shown is said to be so. The first is that on MAR and BR. Where a model
        does not surely misfire, nothing is said of why.
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
    """Which pairs were chosen, in a sentence."""
    failures, mirrors, controls = probed.of("failure"), probed.of("mirror"), probed.of("control")
    dropped = f" {probed.not_confirmed} pairs that misfired in the log did not under the probe." if probed.not_confirmed else ""
    origin = f"{probed.origin} " if probed.origin else ""
    return (
        f"{origin}Looked into: {len(failures)} failures of {_scenarios(failures)} scenarios, {len(mirrors)} mirrored failures"
        f"{f' of {_scenarios(mirrors)} scenarios' if mirrors else ''}, and {len(controls)} controls, which have both halves right.{dropped}"
    )


def _scenarios(pairs: tuple[ProbedPair, ...]) -> int:
    return len({one.pair.scenario for one in pairs})


def _misfiring(found: Misfiring) -> str:
    asked = (
        f"Of all {found.pairs} pairs of {found.scenarios} scenarios that were asked, {found.misfired} have the stereotyped half alone "
        f"wrong (MAR {_rate(found.mar)}) and {found.mirrored} the contrast half alone (BR {_rate(found.br)})"
    )
    test = f"{_p(found.p)}, two-sided, sign flips by scenario"
    match found.finding:
        case "misfires":
            return (
                f"The model misfires. {asked}; {test}. Over all of these pairs the contrast margin exceeds the stereotyped one by "
                f"{found.gap.value:.2f} logits ({_ends(found.gap.lower, found.gap.upper)})."
            )
        case "reversed":
            return (
                f"The model does not misfire: it errs the other way round. {asked}; {test}. So nothing is said of what makes it misfire, "
                "and the intervention file holds no heads."
            )
        case "indistinct":
            return (
                f"Nothing here shows that the model misfires. {asked}, which cannot be told apart ({test}). A model that errs whoever is "
                "asked about has such failures too, and whatever causes its errors would look like their cause here. So nothing is said of "
                "misfiring, and the intervention file holds no heads. Ask more pairs of more scenarios, and do not choose them by how the "
                "model answered."
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
                "No head is named: the failures are of one scenario, so heads cannot be tested on others than they are chosen on. Give "
                "pairs of more scenarios. The intervention file holds no heads."
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
            f"The wrong answers need these {len(decision.heads)} heads together: {names}, which the intervention file holds. Fewer of them "
            "were not shown to suffice."
        )
    said = [f"{first} {_restored(point)}{_tried(decision.tried)}", _mirrors(point), _kept(point)]
    if set(point.chosen) != {",".join(sorted(map(str, decision.heads)))}:
        tested = " on one and ".join(heads.replace(",", ", ") for heads in point.chosen)
        said.append(
            f"The two halves of the scenarios did not choose the same heads: tested were {tested} on the other. Over all scenarios {names} "
            f"{'leads' if len(decision.heads) == 1 else 'lead'}."
        )
    if decision.alone:
        shown = ", ".join(map(str, decision.alone[:5])) + (f" and {len(decision.alone) - 5} more" if len(decision.alone) > 5 else "")
        said.append(
            f"{shown} also {'raises' if len(decision.alone) == 1 else 'raise'} the stereotyped margin when ablated alone (false discovery "
            "rate 5 %, on the pairs that they were chosen on). Heads that feed a named head, or share its work, look like this."
        )
    return said


def _restored(point: CurvePoint) -> str:
    return (
        f"Ablating {'the best head' if point.k == 1 else f'the best {point.k} heads'}, chosen on other scenarios, restores "
        f"{percent(point.recovery)} of {point.pairs} failures of {point.scenarios} scenarios "
        f"({between(point.recovery_ci_lower, point.recovery_ci_upper, percent)}); random heads of the same layers restore "
        f"{percent(point.matched)}."
    )


def _mirrors(point: CurvePoint) -> str:
    if not point.mirrors:
        return (
            "No mirrored failure could be tested, so it was not seen whether these would be restored as well. That misfiring is mended, "
            "and not errors whoever is asked about, rests on MAR and BR: with so few errors in contrast halves alone, few failures "
            "can be such errors."
        )
    shown = f"Of {point.mirrors} mirrored failures of {point.mirror_scenarios} scenarios it restores {percent(point.mirror_recovery)}"
    if not point.few_mirrors:
        return f"{shown}, fewer than of failures ({_p(point.mirror_p)})."
    return (
        f"{shown}. They are of too few scenarios to compare these rates; by number, many more failures than mirrors are restored "
        f"({_p(point.mirror_p)})."
    )


def _p(p: float) -> str:
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def _kept(point: CurvePoint) -> str:
    return (
        f"Then still right are {_share(point.contrast_kept, point.contrast_asked)} contrast halves of failures, "
        f"{_share(point.control_kept, point.control_asked)} halves of controls, and {_share(point.foils_kept, point.foils_asked)} foils."
    )


def _share(kept: float, asked: int) -> str:
    return f"{percent(kept)} of {asked}" if asked else "none of 0"


def _tried(tried: int) -> str:
    return f" This is sure also where it is allowed for that {tried} numbers of heads were tried (Holm)." if tried > 1 else ""


_ASK_MORE: Mapping[Shortfall, str] = {
    "few foils": "foils that the model gets right (questions whose right answer is “no”; without them a model that merely says “yes” looks "
    "mended too): give pairs with controls, as `--pairs embedded`, `--pairs bbq`, `misfire pairs --controls` and VETO logs with "
    "`-T controls=true` have them",
    "few controls": "pairs with both halves right: give more pairs",
    "few contrast halves": "failures: give more pairs",
}


def _unguarded(decision: Decision) -> list[str]:
    if (point := decision.point) is None:
        return []
    missing = "; and ".join(_ASK_MORE[name] for name in point.shortfalls)
    return [
        f"No head is named, since it could not be seen what else the ablation breaks, and the intervention file holds none. {_kept(point)} "
        f"It takes at least {ASKED} {missing}.",
        _restored(point),
        _mirrors(point),
    ]


_SHORT: Mapping[Shortfall, str] = {
    "random": "it is not surely more than random heads of the same layers restore",
    "mirrors": "failures are not surely restored more than mirrored failures are, so what is mended may be errors whoever is asked about",
    "chance": "it is not sure once it is allowed for that several numbers of heads were tried",
    "contrast": f"less than {KEPT:.0%} of contrast halves are kept",
    "controls": f"less than {KEPT:.0%} of controls are kept",
    "foils": f"less than {KEPT:.0%} of foils are kept: the model then says “yes” where it should not",
    "few foils": f"fewer than {ASKED} foils were right before",
    "few controls": f"fewer than {ASKED} halves of controls were asked",
    "few contrast halves": f"fewer than {ASKED} failures were asked",
}


def _unconfirmed(decision: Decision) -> list[str]:
    if (point := decision.point) is None:
        return []
    short = "; ".join(_SHORT[name] for name in point.shortfalls)
    said = [
        f"No head is named, alone or with others, and the intervention file holds none: no number of heads that was tried "
        f"({decision.tried} in all) was shown to mend misfiring and little else. {_restored(point)} This does not count: {short}.",
        _kept(point),
    ]
    if point.mirrors:
        said.append(
            f"Of {point.mirrors} mirrored failures of {point.mirror_scenarios} scenarios it restores {percent(point.mirror_recovery)}."
        )
    if 0.5**point.scenarios * decision.tried > LEVEL:
        said.append(
            f"With failures of {point.scenarios} scenarios and {decision.tried} numbers of heads no result could be sure: give pairs of "
            "more scenarios, or fewer numbers (--ks)."
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
        return ["Patching no single attention or MLP output at the last token surely moves stereotyped answers towards the contrast run's."]
    row = own.iloc[int(own["recovery"].argmax())]
    return [
        f"At the last token the output that carries most of the difference between the halves is the {row['site']} of layer "
        f"{int(row['layer'])}: "
        f"patching it alone recovers {percent(row['recovery'])} ({percent(row['ci_lower'])} to {percent(row['ci_upper'])}); as the largest "
        f"of {asked} it is flattered."
    ]


def _ends(lower: float, upper: float) -> str:
    return UNDEFINED if math.isnan(lower) else f"{lower:.2f} to {upper:.2f}"
