"""How many forward passes each analysis makes. The plan of a run and its count at the end are compared.

A *forward* is one prompt through the model under one intervention, even if only some layers or tokens are
run. Its cost in *whole forwards* is the share of a whole run that it takes, so that time can be estimated
from one timed batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from misfire.mechanistic.analyses.both_halves import Direction, pair_chunks
from misfire.mechanistic.analyses.curve import scenario_folds
from misfire.mechanistic.analyses.patching import DIRECTIONS, WHERES, aligned_tokens, patched_layers
from misfire.mechanistic.draw_rule import DrawRule
from misfire.mechanistic.model.hooks import SITES
from misfire.mechanistic.model.prompt_tree import common_start
from misfire.mechanistic.model.replay import can_share
from misfire.mechanistic.probed_pairs import Group, ProbedPair
from misfire.mechanistic.prompts import NEUTRAL
from misfire.mechanistic.session import Session

_BACKWARD = 3.0
"""Cost of a forward and a backward pass, in whole forwards."""


@dataclass(frozen=True)
class Work:
    """The forwards of a part of a run.

    Attributes:
        forwards: Number of forwards.
        whole: Their cost in whole forwards.
        at_most: Whether this is an upper bound, because the number depends on results.
    """

    forwards: int = 0
    whole: float = 0.0
    at_most: bool = False

    def __add__(self, other: "Work") -> "Work":
        return Work(self.forwards + other.forwards, self.whole + other.whole, self.at_most or other.at_most)


def whole(count: int) -> Work:
    """Return the work of whole forwards."""
    return Work(count, float(count))


def lens_work(session: Session) -> Work:
    """Return the work of the lens in one model: all halves, and the neutral prompts."""
    return whole(len(session.halves) + len(NEUTRAL))


def means_work(session: Session) -> Work:
    """Return the work of the mean outputs of heads, over controls or, without controls, over all pairs."""
    probed = session.probed
    return whole(2 * len((() if probed.assumed else probed.of("control")) or probed.pairs))


def canary_work(session: Session) -> Work:
    """Return the work of the comparison of replay with whole runs."""
    return whole(4 * 2 * len(session.probed.pairs[:2]))


def sweep_work(session: Session) -> Work:
    """Return the work of ablating every head alone, by replay."""
    decoder, halves = session.decoder, len(session.halves)
    layers = decoder.layout.layers
    # with coarse numbers, each layer is also run without an ablation
    unchanged = len(layers) if decoder.dtype != torch.float32 else 0
    shared = shared_part(session, [one.ids for one in session.halves])
    run_again = sum(layer.heads * (len(layers) - layer.index - 1) for layer in layers) / len(layers)
    return whole(halves) + Work(
        halves * (len(decoder.heads) + unchanged), halves * shared * (run_again + unchanged / 2)
    )


def together_work(session: Session, ks: Sequence[int], draws: int | DrawRule, seed: int) -> Work:
    """Return the work of ablating the best heads together beside random ones.

    A fixed number of draws is ablated with whole runs, and draws by a rule by replay.
    """
    failing = [one.pair.scenario for one in session.probed.of("failure")]
    if len(set(failing)) < 2:
        return Work()
    tried = len([k for k in ks if k <= len(session.decoder.heads)])
    fold_of = scenario_folds(failing, [one.pair.scenario for one in session.probed.pairs], seed)
    shared = shared_part(session, [one.ids for one in session.halves])
    clean = sum(2 + _foils(one) for one in session.probed.pairs)
    found = whole(clean)
    for fold in (0, 1):
        own = [one for one in session.probed.pairs if fold_of[one.pair.scenario] == fold]
        prompts = sum(2 + _foils(one) for one in own)
        failures = sum(one.group == "failure" for one in own)
        found += (
            _ruled(prompts, failures, tried, draws, shared)
            if isinstance(draws, DrawRule)
            else whole(tried * (prompts + 2 * draws * 2 * failures))
        )
    return found


def _ruled(prompts: int, failures: int, tried: int, rule: DrawRule, shared: float) -> Work:
    """Return the largest work of one fold: the best heads of every K at once, then draws in steps."""
    best = Work(prompts * (1 + tried), prompts * (1 + shared * tried))
    steps = rule.most // rule.step
    again = tried * failures * (rule.most + rule.step)
    return best + Work(
        tried * steps * failures + again, tried * steps * failures + shared * again, at_most=True
    )


def _foils(one: ProbedPair) -> int:
    return len(one.pair.controls.foils) if one.pair.controls else 0


def patching_work(session: Session, groups: Sequence[Group]) -> Work:
    """Return the work of activation patching, with both halves run once in each direction."""
    pairs = [one for one in session.probed.pairs if one.group in groups]
    layers = len(session.decoder.layout.layers)
    found = Work()
    for chunk in pair_chunks(session, pairs, DIRECTIONS, patched_layers(session, SITES)):
        found += whole(2 * len(chunk.pairs))
        for where in WHERES:
            tokens = [
                aligned_tokens(one.prompts[chunk.source], one.prompts[chunk.target], where)
                for one in chunk.pairs
            ]
            # mentions of people cannot be aligned in every pair
            if session.probed.assumed or any(tokens):
                again = len(chunk.pairs) * len(SITES)
                found += Work(again * layers, again * (layers + 1) / 2)
    return found


def paths_work(session: Session, senders: int, directions: Sequence[Direction] = ("denoising",)) -> Work:
    """Return the largest work of path patching: senders in the first layer have the most receivers."""
    layers, failures = len(session.decoder.layout.layers), len(session.probed.of("failure"))
    receivers = 2 * layers - 1
    # each path runs its receiver alone, and then the model from the receiver on
    again = len(directions) * senders * failures
    cost = again * (receivers / layers + layers + 1)
    return whole(2 * failures * len(directions)) + Work(2 * again * receivers, cost, at_most=True)


def attention_work(session: Session) -> Work:
    """Return the work of measuring attention."""
    return whole(len(session.halves))


def export_work(session: Session) -> Work:
    """Return the work of an export: one run of all halves."""
    return whole(len(session.halves))


def prescreen_work(session: Session) -> Work:
    """Return the work of both prescreens."""
    decoder, halves = session.decoder, len(session.halves)
    each = 1 / 50 if can_share(decoder) else 1.0
    last = Work(halves * len(decoder.heads), halves * len(decoder.heads) * each)
    return whole(halves) + last + Work(halves, _BACKWARD * halves)


def shared_part(session: Session, prompts: Sequence[Sequence[int]]) -> float:
    """Return the share of tokens that are left if what prompts have in common is run once."""
    if not prompts or not can_share(session.decoder):
        return 1.0
    order = sorted(map(tuple, prompts))
    shared = sum(common_start([before, prompt]) for before, prompt in pairwise(order))
    return 1 - shared / sum(map(len, order))
