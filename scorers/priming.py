"""Scorer and metrics of the priming experiment: metrics of every arm, and comparisons with the base."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar, cast

from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
from inspect_ai.solver import TaskState

from misfire.scorers.answers import Parser
from misfire.scorers.effects import Effect, compare
from misfire.scorers.half_notes import BASE, HalfNote
from misfire.scorers.join import HalfResult, Joined, join_halves
from misfire.scorers.statistics import benjamini_hochberg
from misfire.scorers.veto import half_result, half_score, pair_metrics

SCORER = "priming_outcome"
"""Name of the scorer in logs. To score again, use ``--scorer misfire/priming_outcome``."""

Name = TypeVar("Name", bound=Hashable)


@metric(scores="unreduced")
def priming_metrics() -> Metric:
    """Comparisons of each primed arm with the base, then the metrics of each arm.

    A half counts for every arm in its sample's metadata, so that a text shared by two arms is asked only
    once. Comparisons use the (pair, epoch) combinations that are complete in both arms. q-values
    (Benjamini-Hochberg) cover only the arms of this run.

    Returns:
        A metric with keys ``<arm>_<name>``, listed in docs/priming.md. The first is the difference in
        differences of the first arm.
    """

    def compute(scores: list[SampleScore]) -> Value:
        return cast(Value, arm_metrics(join_arms(scores)))

    return compute


def arm_metrics(arms: Mapping[str, Joined]) -> dict[str, float]:
    """Return all metrics of the priming experiment by key.

    Args:
        arms: The pairs of every arm including the base arm, in order.

    Returns:
        The metrics listed in docs/priming.md.
    """
    effects = {name: compare(arms[BASE].pairs, joined.pairs) for name, joined in arms.items() if name != BASE}
    comparisons = _flat(comparison_metrics(effects))
    # this key is what Inspect's data frames take for the headline's standard error: that of the first arm's
    # DiD
    stderr = next((effect.did.stderr for effect in effects.values()), None)
    comparisons |= {} if stderr is None else {"stderr": stderr}
    return comparisons | _flat({name: pair_metrics(joined) for name, joined in arms.items()})


@scorer(metrics=[priming_metrics()], name=SCORER)
def priming_outcome(parser: Parser = "strict") -> Scorer:
    """Score one half as ``veto_outcome`` does, with metrics by arm.

    Args:
        parser: ``strict`` or ``published``.

    Returns:
        A scorer whose value is the outcome.
    """

    async def score(state: TaskState, target: Target) -> Score:
        return half_score(state, target, parser)

    return score


def join_arms(scores: Sequence[SampleScore]) -> dict[str, Joined]:
    """Join the pairs of every arm.

    Args:
        scores: Unreduced scores of halves. The metadata of their samples gives the arms and their numbers
            (``HalfNote``).

    Returns:
        Joined pairs by arm, ordered by number. The base comes first, even if it has no pairs.
    """
    halves: defaultdict[str, list[HalfResult]] = defaultdict(list)
    numbers: dict[str, int] = {BASE: 0}
    for score in scores:
        half, note = half_result(score), HalfNote.of(score.sample_metadata)
        if half is None or note is None:
            continue
        for arm, number in zip(note.arms or (), note.arm_numbers or (), strict=False):
            halves[arm].append(half)
            numbers[arm] = number
    return {name: join_halves(halves[name]) for name in sorted(numbers, key=numbers.__getitem__)}


def comparison_metrics(effects: Mapping[Name, Effect]) -> dict[Name, dict[str, float]]:
    """Return the metrics of effects that form one family of tests.

    Args:
        effects: The effects by name.

    Returns:
        The metrics of each effect by key. q-values (Benjamini-Hochberg) cover the given effects.
    """
    adjusted = [
        benjamini_hochberg(p_values)
        for p_values in (
            [effect.selective_p for effect in effects.values()],
            [effect.did_p for effect in effects.values()],
            [effect.delta_log_odds_p for effect in effects.values()],
            [effect.mcnemar_p_clustered for effect in effects.values()],
            [effect.mcnemar_p for effect in effects.values()],
        )
    ]
    return {
        name: {
            **effect.did.flat("did"),
            "did_p": effect.did_p,
            "did_q": did_q,
            **effect.delta_log_odds.flat("delta_log_odds"),
            "delta_log_odds_p": effect.delta_log_odds_p,
            "delta_log_odds_q": log_odds_q,
            "selective_p": effect.selective_p,
            "selective_q": selective_q,
            **effect.delta_mar.flat("delta_mar"),
            **effect.delta_br.flat("delta_br"),
            **effect.amplification.flat("amplification"),
            "newly_misfired": effect.newly_misfired,
            "no_longer_misfired": effect.no_longer_misfired,
            "misfire_mcnemar_p_clustered": effect.mcnemar_p_clustered,
            "misfire_mcnemar_q_clustered": clustered_q,
            "misfire_mcnemar_p": effect.mcnemar_p,
            "misfire_mcnemar_q": exact_q,
            "compared_pairs": effect.pairs,
        }
        for (name, effect), selective_q, did_q, log_odds_q, clustered_q, exact_q in zip(
            effects.items(), *adjusted, strict=True
        )
    }


def _flat(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"{name}_{key}": value for name, own in metrics.items() for key, value in own.items()}
