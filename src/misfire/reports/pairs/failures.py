"""The most telling failures: pairs that most models misfire on, with what was asked and what was answered.

A failure is telling where the model answered: the stereotyped half wrongly and the contrast half rightly. A text without an answer counts
as wrong in MAR, but tells nothing of the pair.
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
"""So many characters of an answer are shown."""


@dataclass(frozen=True)
class HalfAnswer:
    """What one run answered to one half.

    Attributes:
        run: The run's label.
        half: Which half.
        outcome: What became of it.
        text: What the model said, at most ``LONGEST`` characters.
        log: Where the log lies.
        sample_id: The sample in it.
        epoch: The epoch that is shown: the first in which the pair misfired with both halves answered, or else the first.
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
        pair_id: The pair.
        category: Its category.
        runs: Runs that it is complete in.
        runs_misfired: Runs that misfired on it with both halves answered, in any epoch.
        prompts: For each half its name and what was asked.
        replies: What the runs answered.
    """

    pair_id: str
    category: str
    runs: int
    runs_misfired: int
    prompts: tuple[tuple[str, str], ...]
    replies: tuple[HalfAnswer, ...]


def answered_misfire(pair: PairResult) -> bool:
    """Whether a model answered the stereotyped half wrongly and the contrast half rightly."""
    return pair.misfired and pair.valid


def failure_frame(results: PairFrames) -> "pd.DataFrame":
    """The pairs that the VETO runs misfired on with both halves answered, those that most runs misfire on first.

    Args:
        results: What the logs hold.

    Returns:
        One row a pair that misfired at least once; ties stand in the order of the pair set. Pairs of different sets do not share a row.
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
    return frame_of(((key[1], *about[key], len(runs[key]), len(misfired[key]), key[0]) for key in ranked), columns.FAILURES)


def telling_failures(results: PairFrames, number: int) -> list[Failure]:
    """The first pairs of ``failure_frame``, one a scenario, with their texts.

    Args:
        results: What the logs hold.
        number: How many; 0 for none.

    Returns:
        At most so many pairs.

    Raises:
        InputError: A sample of one cannot be read.
    """
    frame = failure_frame(results).drop_duplicates("scenario").head(number)
    return [
        _failure(results, pair_id, pair_set, category, runs, misfired)
        for pair_id, pair_set, category, runs, misfired in zip(
            *(frame[name].tolist() for name in ("pair_id", "pair_set_sha256", "category", "runs", "runs_misfired")), strict=True
        )
    ]


def _failure(results: PairFrames, pair_id: str, pair_set: str, category: str, runs: int, misfired: int) -> Failure:
    prompts: dict[str, str] = {}
    replies: list[HalfAnswer] = []
    for arm in results.arms:
        found = [pair for pair in arm.joined.pairs if pair.pair_id == pair_id]
        if arm.run.task != "veto" or arm.run.pair_set != pair_set or not found:
            continue
        pair = next(filter(answered_misfire, found), found[0])
        records = {r.half: r for r in results.records_of(arm.run) if (r.pair_id, r.epoch, r.probe) == (pair_id, pair.epoch, EVIDENCE)}
        for half in HALF_NAMES:
            record = records[half]
            sample = read_sample(arm.run.log, record.sample_id, record.epoch)
            prompts[half] = asked_text(sample.input)
            text = _shortened(sample.output.completion)
            replies.append(HalfAnswer(arm.run.label, half, record.outcome, text, arm.run.log, record.sample_id, record.epoch))
    return Failure(pair_id, category, runs, misfired, tuple(prompts.items()), tuple(replies))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text) - LONGEST} more characters)"
