"""The clearest failures: pairs on which most models misfire, with questions and answers.

These are failures with two valid answers: the stereotyped half is wrong and the contrast half is right. A
reply without an answer counts as wrong in MAR, but it says nothing about the pair.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.datasets.pairs import HALF_NAMES
from misfire.reports import columns
from misfire.reports.columns import frame_of
from misfire.reports.logs.samples import asked_text, read_sample
from misfire.reports.pairs.frames import PairFrames
from misfire.reports.pairs.records import EVIDENCE
from misfire.scorers.join import PairResult

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 2000
"""Maximum number of characters of an answer that are shown."""


@dataclass(frozen=True)
class HalfAnswer:
    """The answer of one run to one half.

    Attributes:
        run: Label of the run.
        half: Name of the half.
        outcome: Outcome of the half.
        text: The model's reply, at most ``LONGEST`` characters.
        log: Location of the log.
        sample_id: Id of the sample in the log.
        epoch: The epoch that is shown: the first one in which the pair misfired with two valid answers, or
            else the first one.
    """

    run: str
    half: str
    outcome: str
    text: str
    log: str
    sample_id: str
    epoch: int


@dataclass(frozen=True)
class Failure:
    """A pair that misfired, with its texts.

    Attributes:
        pair_id: Id of the pair.
        category: Category of the pair.
        runs: Number of runs in which the pair is complete.
        runs_misfired: Number of runs that misfired on it with two valid answers, in any epoch.
        prompts: Name and question of each half.
        replies: The answers of the runs.
    """

    pair_id: str
    category: str
    runs: int
    runs_misfired: int
    prompts: tuple[tuple[str, str], ...]
    replies: tuple[HalfAnswer, ...]


def answered_misfire(pair: PairResult) -> bool:
    """Whether a model answered the stereotyped half wrong and the contrast half right, both validly."""
    return pair.misfired and pair.valid


def failure_frame(results: PairFrames) -> "pd.DataFrame":
    """Return the pairs on which VETO runs misfired with two valid answers.

    Args:
        results: The results of the logs.

    Returns:
        One row per pair that misfired at least once. Pairs on which the largest share of runs misfired come
        first, and ties are in the order of the pair set. Pairs of different sets are in different rows.
    """
    runs: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    misfired: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    about: dict[tuple[str, str], tuple[str, str]] = {}
    for arm in results.arms:
        if arm.run.task == "veto":
            for pair in arm.joined.pairs:
                key = (arm.run.pair_set, pair.pair_id)
                about[key] = (pair.category, pair.scenario)
                runs[key].add(arm.run.label)
                if answered_misfire(pair):
                    misfired[key].add(arm.run.label)
    ranked = sorted(misfired, key=lambda key: (-len(misfired[key]) / len(runs[key]), -len(runs[key])))
    return frame_of(
        ((key[1], *about[key], len(runs[key]), len(misfired[key]), key[0]) for key in ranked),
        columns.FAILURES,
    )


def telling_failures(results: PairFrames, number: int) -> list[Failure]:
    """Return the first pairs of ``failure_frame``, one per scenario, with their texts.

    Args:
        results: The results of the logs.
        number: Maximum number of pairs.

    Returns:
        At most this number of pairs.

    Raises:
        InputError: A sample of one of the pairs cannot be read.
    """
    frame = failure_frame(results).drop_duplicates("scenario").head(number)
    return [
        _failure(results, pair_id, pair_set, category, runs, misfired)
        for pair_id, pair_set, category, runs, misfired in zip(
            *(
                frame[name].tolist()
                for name in ("pair_id", "pair_set_sha256", "category", "runs", "runs_misfired")
            ),
            strict=True,
        )
    ]


def _failure(
    results: PairFrames, pair_id: str, pair_set: str, category: str, runs: int, misfired: int
) -> Failure:
    prompts: dict[str, str] = {}
    replies: list[HalfAnswer] = []
    for arm in results.arms:
        found = [pair for pair in arm.joined.pairs if pair.pair_id == pair_id]
        if arm.run.task != "veto" or arm.run.pair_set != pair_set or not found:
            continue
        pair = next(filter(answered_misfire, found), found[0])
        records = {
            r.half: r
            for r in results.records_of(arm.run)
            if (r.pair_id, r.epoch, r.probe) == (pair_id, pair.epoch, EVIDENCE)
        }
        for half in HALF_NAMES:
            record = records[half]
            sample = read_sample(arm.run.log, record.sample_id, record.epoch)
            prompts[half] = asked_text(sample.input)
            text = _shortened(sample.output.completion)
            replies.append(
                HalfAnswer(
                    arm.run.label, half, record.outcome, text, arm.run.log, record.sample_id, record.epoch
                )
            )
    return Failure(pair_id, category, runs, misfired, tuple(prompts.items()), tuple(replies))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text) - LONGEST} more characters)"
