"""Select the pairs to analyze: pairs that misfire under the probe's own prompt, and pairs for comparison.

Candidates come from a pair source, or from the log of a VETO or priming run. In both cases the probe asks
every half again, because a pair that fails under one prompt need not fail under another. *Failure*: only the
stereotyped half is wrong. *Mirror*: only the contrast half is wrong. *Control*: both halves are right.

Failures are chosen by their outcome, and mirrors are chosen in the same way. Causes of errors regardless of
the person show in both. Causes of misfiring show only in failures.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from pydantic import ValidationError

from misfire.datasets.pairs import HALF_NAMES, Controls, Half, HalfName, Pair, pair_set_hash
from misfire.datasets.user_files import require_regular
from misfire.errors import InputError
from misfire.mechanistic.inference import Floats
from misfire.mechanistic.model.batching import BUDGET, batches
from misfire.mechanistic.model.decoder import AnswerTokens, Batch, Decoder
from misfire.mechanistic.probed_pairs import GROUPS, AskedPair, Group, Probed, ProbedPair
from misfire.mechanistic.prompts import AskedText, ProbePrompt, Wording, answer_tokens, probe_prompt
from misfire.reports.logs.log_files import found_log, read_header
from misfire.reports.logs.places import local_path
from misfire.reports.pairs.halves import LoggedHalf, read_logged_halves
from misfire.scorers.half_notes import BASE, HalfNote
from misfire.scorers.probes import Probe

if TYPE_CHECKING:
    import pandas as pd

    Kept = Callable[[int, Callable[[], pd.DataFrame]], pd.DataFrame]
    """Returns the result of a batch of the probe from an earlier run, or makes and keeps it. Its arguments
    are the number of the batch, and the function that makes it."""


@dataclass(frozen=True)
class Logged:
    """The pairs of a log.

    Attributes:
        pairs: All pairs with an outcome for both halves, with their prompts without a cue.
        misfired: IDs of the pairs that misfired in every epoch.
        mirrored: IDs of the pairs whose contrast half failed in every epoch, and whose stereotyped half never
            failed.
        arm: Arm of a priming run whose texts are used; None for a VETO log.
        texts: The text that was asked in that arm, by pair and half, where it differs from the half's own
            prompt.
        left_out: Number of pairs without an outcome for both halves: a half is missing, was invalidated, or
            ended in an error.
        origin: A sentence that summarizes this.
    """

    pairs: tuple[Pair, ...]
    misfired: frozenset[str]
    mirrored: frozenset[str] = frozenset()
    arm: str | None = None
    texts: Mapping[str, Mapping[HalfName, AskedText]] = field(
        default_factory=dict[str, Mapping[HalfName, AskedText]]
    )
    left_out: int = 0
    origin: str = ""


Asked = tuple[Pair, Mapping[HalfName, ProbePrompt], dict[HalfName, float]]
"""A candidate with the prompts and margins of its halves."""

_Texts = Mapping[str, Mapping[HalfName, AskedText]]
"""The text that was asked, by pair and half, where it differs from the half's own prompt."""


MIN_MARGIN = 0.05
"""Margins of a smaller size, in logits, are coin flips: neither right nor wrong."""


@torch.no_grad()
def differences(
    decoder: Decoder,
    prompts: Sequence[Sequence[int]],
    answers: AnswerTokens,
    budget: int = BUDGET,
    kept: "Kept | None" = None,
) -> Floats:
    """Compute the logit differences (yes − no) of prompts, in batches of similar length.

    Args:
        decoder: The model.
        prompts: Token IDs of each prompt.
        answers: The tokens of the answers.
        budget: Memory budget for activations, in bytes.
        kept: Keeps the result of each batch, a frame with the column ``difference``.

    Returns:
        Logit differences, shape (prompts,).
    """
    import pandas as pd

    found = np.zeros(len(prompts))
    for number, (chunk, batch) in enumerate(probe_batches(decoder, prompts, budget)):

        def make(batch: Batch = batch) -> "pd.DataFrame":
            own = decoder.difference(decoder.run(batch), answers)
            return pd.DataFrame({"difference": own.double().cpu().numpy()})

        found[chunk] = (make() if kept is None else kept(number, make))["difference"].to_numpy(float)
    return found


def probe_batches(
    decoder: Decoder, prompts: Sequence[Sequence[int]], budget: int
) -> Iterator[tuple[list[int], Batch]]:
    """Split prompts into the batches of the probe."""
    # no activations are kept, so a batch may be as large as that of a model with only a few layers
    return batches(decoder, prompts, budget, layers=8)


@dataclass(frozen=True)
class Candidates:
    """Pairs that are about to be asked, as the model will read them.

    Attributes:
        pairs: The pairs.
        prompts: The prompts of both halves, by pair.
        answers: The tokens of the answers.
        wording: The wording of the probe.
        logged: The log of the pairs, if they come from one.
    """

    pairs: tuple[Pair, ...]
    prompts: tuple[Mapping[HalfName, ProbePrompt], ...]
    answers: AnswerTokens
    wording: Wording
    logged: Logged | None = None

    @property
    def ids(self) -> list[tuple[int, ...]]:
        """Token IDs of all prompts, pair by pair."""
        return [prompt[name].ids for prompt in self.prompts for name in HALF_NAMES]

    @property
    def texts(self) -> "_Texts":
        """The text that is asked, by pair and half, where it differs from the half's own prompt."""
        return self.logged.texts if self.logged else {}

    @property
    def digest(self) -> str:
        """SHA-256 of all that the selection depends on: pairs, prompts, tokens, and outcomes in the log."""
        outcomes = (sorted(self.logged.misfired), sorted(self.logged.mirrored)) if self.logged else ()
        told = [pair_set_hash(self.pairs), self.ids, self.answers, self.wording, outcomes]
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def stand_in(self, per_group: int) -> Probed:
        """Return a selection that is as large as the probe can make it, for a plan before the probe.

        Its groups are full as far as there are pairs, failures first. The pairs are not in the groups that
        the probe will find.
        """
        groups: list[Group] = [group for group in GROUPS for _ in range(per_group)]
        pairs = tuple(
            ProbedPair(pair, group, prompts, dict.fromkeys(HALF_NAMES, 0.0), self.texts.get(pair.id, {}))
            for pair, prompts, group in zip(self.pairs, self.prompts, groups, strict=False)
        )
        return Probed(pairs, self.answers, self.wording, len(self.pairs), 0, 0, assumed=True)


def candidates_of(
    decoder: Decoder, pairs: Sequence[Pair], wording: Wording = "word", logged: Logged | None = None
) -> Candidates:
    """Prepare pairs for the probe.

    Args:
        decoder: The model.
        pairs: The pairs.
        wording: The wording of the probe.
        logged: The log of the pairs, if they come from one. The texts of its arm are asked.
    """
    texts = logged.texts if logged else {}
    prompts = tuple(_prompts(decoder, pair, wording, texts.get(pair.id, {})) for pair in pairs)
    return Candidates(tuple(pairs), prompts, answer_tokens(decoder.tokenizer), wording, logged)


def probe_pairs(
    decoder: Decoder,
    pairs: Sequence[Pair],
    *,
    wording: Wording = "word",
    per_group: int = 30,
    seed: int = 1,
    logged: Logged | None = None,
    budget: int = BUDGET,
    min_margin: float = MIN_MARGIN,
) -> Probed:
    """Ask all halves, and select failures, mirrors and controls; see ``select``.

    Args:
        decoder: The model.
        pairs: The candidates.
        wording: The wording of the probe.
        per_group: Maximum size of each group.
        seed: Random seed.
        logged: The log of the candidates.
        budget: Memory budget for activations, in bytes.
        min_margin: Smallest size of a margin that is right or wrong.

    Returns:
        The selected pairs.

    Raises:
        InputError: No pair fails, so there is nothing to localize.
    """
    candidates = candidates_of(decoder, pairs, wording, logged)
    found = differences(decoder, candidates.ids, candidates.answers, budget)
    return select(decoder.name, candidates, found, per_group=per_group, seed=seed, min_margin=min_margin)


def select(
    name: str,
    candidates: Candidates,
    found: Floats,
    *,
    per_group: int,
    seed: int = 1,
    min_margin: float = MIN_MARGIN,
) -> Probed:
    """Select failures, mirrors and controls.

    Args:
        name: Name of the model, for messages.
        candidates: The pairs that were asked. If they come from a log, failures and mirrors must have failed
            in the same way there, and controls must not have failed in either way.
        found: Logit differences of all halves, pair by pair, shape (2 · pairs,).
        per_group: Maximum number of failures, and of mirrors. There are at most as many controls as failures.
        seed: Random seed.
        min_margin: Smallest size of a margin that is right or wrong, in logits. Pairs with a half whose
            margin is smaller are in no group and are counted.

    Returns:
        The selected pairs. Failures are drawn evenly over categories; mirrors and controls match them by
        category as far as possible.

    Raises:
        InputError: No pair fails, so there is nothing to localize.
    """
    asked, logged = asked_margins(candidates, found), candidates.logged
    groups = _grouped(asked, candidates.texts, logged, min_margin)
    not_confirmed = (
        sum(
            pair.id in logged.misfired and _group(margins, min_margin) != "failure"
            for pair, _, margins in asked
        )
        if logged
        else 0
    )
    flips = sum(min(map(abs, margins.values())) < min_margin for _, _, margins in asked)
    if not groups["failure"]:
        raise InputError(
            f"{name}: none of {len(asked)} pairs misfires under the prompt of the "
            f"probe{f' ({not_confirmed} did in the log)' if not_confirmed else ''}; "
            f"{len(groups['control'])} have both halves right{_flipped(flips, min_margin)}. There is no "
            "failure to localize. Try more pairs, another source, or the other wording.\n"
            f"{distribution([margins for _, _, margins in asked])}"
        )
    return Probed(
        pairs=_drawn(groups, per_group, random.Random(seed)),
        answers=candidates.answers,
        wording=candidates.wording,
        considered=len(asked),
        failing=len(groups["failure"]),
        passing=len(groups["control"]),
        mirroring=len(groups["mirror"]),
        not_confirmed=not_confirmed,
        asked=tuple(
            AskedPair(own.id, own.category, own.scenario, m["stereotyped"], m["contrast"])
            for own, _, m in asked
        ),
        origin=logged.origin if logged else "",
        min_margin=min_margin,
        flips=flips,
    )


def _flipped(flips: int, min_margin: float) -> str:
    return (
        f", and {flips} have a half with a margin below {min_margin:g} in size (--min-margin)"
        if flips
        else ""
    )


_BINS = (-np.inf, -4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0, np.inf)
_WIDTH = 30


def distribution(margins: Sequence[Mapping[HalfName, float]]) -> str:
    """Draw the distribution of margins as text: for each half, the number of pairs by margin in logits."""
    lines = ["Margins in logits; below 0, the answer is wrong:"]
    for half in HALF_NAMES:
        values = np.array([own[half] for own in margins])
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        lines.append(
            f"{half} halves: {values.min():+.2f} to {values.max():+.2f}, quartiles {low:+.2f}, "
            f"{middle:+.2f}, {high:+.2f}"
        )
        counts = [int(((values >= start) & (values < stop)).sum()) for start, stop in pairwise(_BINS)]
        for start, stop, count in zip(_BINS[:-1], _BINS[1:], counts, strict=True):
            if count:
                bar = "#" * max(1, round(_WIDTH * count / max(counts)))
                lines.append(f"  {_bin(start, stop):>12}  {count:>5}  {bar}")
    return "\n".join(lines)


def _bin(start: float, stop: float) -> str:
    if np.isinf(start):
        return f"below {stop:g}"
    return f"from {start:g}" if np.isinf(stop) else f"{start:g} to {stop:g}"


def _grouped(
    asked: Sequence[Asked], texts: _Texts, logged: Logged | None, min_margin: float
) -> dict[Group, list[ProbedPair]]:
    """Return the candidates of each group. Candidates from a log count only if the log agrees."""
    groups: dict[Group, list[ProbedPair]] = {group: [] for group in GROUPS}
    for pair, prompts, margins in asked:
        group = _group(margins, min_margin)
        if group is not None and (
            logged is None or _group_in(logged, pair.id) == (None if group == "control" else group)
        ):
            groups[group].append(ProbedPair(pair, group, prompts, margins, texts.get(pair.id, {})))
    return groups


def asked_margins(candidates: Candidates, found: Floats) -> list[Asked]:
    """Return each candidate with its prompts and margins, from the logit differences of all halves."""
    asked: list[Asked] = []
    for pair, prompt, row in zip(candidates.pairs, candidates.prompts, found.reshape(-1, 2), strict=True):
        margins: dict[HalfName, float] = {
            name: float(d) if half.target == "yes" else -float(d)
            for (name, half), d in zip(pair.halves, row, strict=True)
        }
        asked.append((pair, prompt, margins))
    return asked


def _drawn(
    groups: Mapping[Group, Sequence[ProbedPair]], per_group: int, draw: random.Random
) -> tuple[ProbedPair, ...]:
    """Return the selected failures, mirrors and controls, in this order."""
    failures = _evenly(groups["failure"], per_group, draw)
    wanted = Counter(probed.pair.category for probed in failures)
    controls = _matched(groups["control"], wanted, len(failures), draw)
    mirrors = _matched(groups["mirror"], wanted, per_group, draw)
    return (*failures, *mirrors, *controls)


def _group(margins: Mapping[HalfName, float], min_margin: float) -> Group | None:
    """Return the group of a pair with these margins; None if both halves are wrong, or one is a coin flip."""
    if min(map(abs, margins.values())) < min_margin:
        return None
    stereotyped, contrast = margins["stereotyped"] > 0, margins["contrast"] > 0
    if stereotyped:
        return "control" if contrast else "mirror"
    return "failure" if contrast else None


def _group_in(logged: Logged, pair: str) -> Group | None:
    """Return the group of a pair in a log; None unless exactly one half failed."""
    return "failure" if pair in logged.misfired else "mirror" if pair in logged.mirrored else None


def _prompts(
    decoder: Decoder, pair: Pair, wording: Wording, texts: Mapping[HalfName, AskedText]
) -> dict[HalfName, ProbePrompt]:
    return {
        name: probe_prompt(decoder.tokenizer, half.prompt, wording, pair, texts.get(name))
        for name, half in pair.halves
    }


def reprobe(
    decoder: Decoder,
    probed: Probed,
    budget: int = BUDGET,
    kept: "Kept | None" = None,
) -> Probed:
    """Ask another model, such as the base of an instruct model, the same pairs in the same groups.

    Args:
        decoder: The other model.
        probed: The pairs selected with the first model.
        budget: Memory budget for activations, in bytes.
        kept: Keeps the results of batches; see ``differences``.

    Returns:
        The pairs with the tokens and margins of the other model.
    """
    answers = answer_tokens(decoder.tokenizer)
    pairs = probed.pairs
    prompts = [_prompts(decoder, one.pair, probed.wording, one.texts) for one in pairs]
    found = differences(
        decoder, [prompt[name].ids for prompt in prompts for name in HALF_NAMES], answers, budget, kept
    ).reshape(-1, 2)
    again = tuple(
        replace(
            one,
            prompts=prompt,
            margins={name: one.sign(name) * float(d) for name, d in zip(HALF_NAMES, row, strict=True)},
        )
        for one, prompt, row in zip(pairs, prompts, found, strict=True)
    )
    return replace(probed, pairs=again, answers=answers, asked=())


@dataclass
class _Halves:
    """The samples of one pair in a log.

    Attributes:
        about: Note of the task on a sample of the base arm.
        plain: The prompt without a cue and the right answer, by probe and half.
        texts: The text that was asked in the requested arm, by half.
        right: Whether each half was answered correctly in that arm, for each epoch with an outcome.
    """

    about: HalfNote | None = None
    plain: dict[tuple[Probe, HalfName], tuple[str, str]] = field(
        default_factory=dict[tuple[Probe, HalfName], tuple[str, str]]
    )
    texts: dict[HalfName, AskedText] = field(default_factory=dict[HalfName, AskedText])
    right: dict[HalfName, list[bool]] = field(default_factory=dict[HalfName, list[bool]])

    def take(self, half: LoggedHalf, arm: str) -> None:
        """Add one sample of the pair. Texts and outcomes are kept only for the requested arm."""
        note = half.note
        if BASE in note.served_arms:
            self.about = note
            self.plain[note.probe, note.half] = (half.prompt, half.target)
        if arm not in note.served_arms or note.probe != "evidence":
            return
        if arm != BASE:
            self.texts[note.half] = AskedText(half.prompt, note.system_cue)
        if half.outcome and half.error is None and not half.invalidated:
            self.right.setdefault(note.half, []).append(half.outcome == "right")

    @property
    def has_outcomes(self) -> bool:
        """Whether both halves have an outcome in at least one epoch."""
        return all(self.right.get(half) for half in HALF_NAMES)

    def failed_alone(self, half: HalfName) -> bool:
        """Return whether a half was wrong in every epoch, and the other half right in every epoch."""
        return all(not any(right) if name == half else all(right) for name, right in self.right.items())


def read_logged_pairs(log: str, arm: str | None = None) -> Logged:
    """Read the pairs of a VETO log, or of one arm of a priming log, from its samples.

    Args:
        log: The log file.
        arm: The arm whose texts and outcomes are used. The default is the base arm, which has no cue.

    Returns:
        The pairs, with controls if the log has them, and which of them misfired.

    Raises:
        InputError: The log cannot be read, is not from VETO or priming, or has no such arm.
    """
    halves = _halves_of(log)
    arms = list(dict.fromkeys(name for half in halves for name in half.note.served_arms))
    primed = any(half.note.arms is not None for half in halves)
    wanted = BASE if arm is None else arm
    if wanted not in arms:
        raise InputError(
            f"{log}: the run has no arm '{wanted}'. Its arms are: {', '.join(arms)}."
            if primed
            else f"{log}: a VETO log has only one arm, '{BASE}', and no arm '{wanted}'. Omit --arm."
        )
    found: defaultdict[str, _Halves] = defaultdict(_Halves)
    for half in halves:
        found[half.note.pair_id].take(half, wanted)
    pairs = [pair for name, own in found.items() if own.has_outcomes and (pair := _rebuilt(log, name, own))]
    if not pairs:
        raise InputError(
            f"{log}: none of its {len(found)} pairs has an outcome for both halves. Use a log with "
            "completed samples."
        )
    misfired, mirrored = (
        frozenset(pair.id for pair in pairs if found[pair.id].failed_alone(half)) for half in HALF_NAMES
    )
    left_out = len(found) - len(pairs)
    said = f"Arm '{wanted}' of {', '.join(arms)}: " if primed else ""
    missing = (
        f" {left_out} pairs were left out because a half has no outcome (missing, invalidated, or an error)."
        if left_out
        else ""
    )
    origin = f"{said}{len(misfired)} of {len(pairs)} pairs misfired in the log.{missing}"
    return Logged(
        pairs=tuple(pairs),
        misfired=misfired,
        mirrored=mirrored,
        arm=wanted if primed else None,
        texts={pair.id: found[pair.id].texts for pair in pairs if found[pair.id].texts},
        left_out=left_out,
        origin=origin[0].upper() + origin[1:],
    )


def _halves_of(log: str) -> tuple[LoggedHalf, ...]:
    """Return the halves of a log, with their complete texts; at least one."""
    place = Path(local_path(log))
    if place.exists():
        require_regular(place)
    try:
        found = found_log(read_header(log))
        halves = read_logged_halves(found.location, found.scoring.column, whole=True).records if found else ()
    except InputError as error:
        raise InputError(f"{log}: this log cannot be read ({error}).") from error
    if not halves:
        raise InputError(
            f"{log}: no sample of this log is a half of a pair. Use the log of a misfire/veto or "
            "misfire/priming run."
        )
    return halves


def _rebuilt(log: str, name: str, halves: _Halves) -> Pair | None:
    """Return the pair as its task had it; None if the log lacks one of its halves without a cue."""
    about, plain = halves.about, halves.plain
    if about is None or not {("evidence", which) for which in HALF_NAMES} <= plain.keys():
        return None

    def half(probe: Probe, which: HalfName) -> Half:
        prompt, target = plain[probe, which]
        return Half(prompt=prompt, target=cast("Any", target))

    try:
        controls = None
        if {(probe, which) for probe in ("foil", "ambiguous") for which in HALF_NAMES} <= plain.keys():
            controls = Controls(
                stereotyped_foil=half("foil", "stereotyped"),
                contrast_foil=half("foil", "contrast"),
                stereotyped_ambiguous=plain["ambiguous", "stereotyped"][0],
                contrast_ambiguous=plain["ambiguous", "contrast"][0],
            )
        return Pair(
            id=name,
            category=about.category,
            question_index=about.scenario.rpartition("_q")[2],
            stereotyped_group=cast("Any", about.stereotyped_group),
            contrast_group=cast("Any", about.contrast_group),
            stereotyped=half("evidence", "stereotyped"),
            contrast=half("evidence", "contrast"),
            controls=controls,
        )
    except ValidationError as error:
        raise InputError(f"{log}: the samples of pair '{name}' do not make a pair ({error}).") from error


def _evenly(candidates: Iterable[ProbedPair], count: int, draw: random.Random) -> list[ProbedPair]:
    """Draw this number of pairs, from all categories in turn."""
    by_category: dict[str, list[ProbedPair]] = defaultdict(list)
    for probed in candidates:
        by_category[probed.pair.category].append(probed)
    for own in by_category.values():
        draw.shuffle(own)
    chosen: list[ProbedPair] = []
    while len(chosen) < count and any(by_category.values()):
        for category in sorted(by_category):
            if by_category[category] and len(chosen) < count:
                chosen.append(by_category[category].pop())
    return chosen


def _matched(
    candidates: Sequence[ProbedPair], wanted: Mapping[str, int], count: int, draw: random.Random
) -> list[ProbedPair]:
    """Draw the wanted number of pairs from each category, then others, up to a total count."""
    shuffled = draw.sample(candidates, len(candidates))
    left = Counter(wanted)
    chosen: list[ProbedPair] = []
    for probed in shuffled:
        if left[probed.pair.category] > 0:
            left[probed.pair.category] -= 1
            chosen.append(probed)
    others = [probed for probed in shuffled if probed not in chosen]
    return [*chosen, *others[: count - len(chosen)]]
