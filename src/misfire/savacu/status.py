"""Summarizes as text what each stage of a build kept and dropped, and why."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from misfire.errors import InputError
from misfire.savacu.prompts import one_line
from misfire.savacu.splits import worst
from misfire.savacu.stages.classify import ClassifyStage
from misfire.savacu.stages.dedup import DedupStage
from misfire.savacu.stages.expand import ExpandStage
from misfire.savacu.stages.ingest import IngestStage
from misfire.savacu.stages.judge import JudgeStage
from misfire.savacu.stages.publish import PublishStage
from misfire.savacu.stages.split import SplitStage

LARGE_DOMAIN = 100
"""Minimum number of prompts of a domain for its split to be close to the target fractions."""


def status_lines(folder: Path) -> Iterator[str]:
    """Summarize the state of a build.

    Args:
        folder: The folder of the build. A build may be running in it.

    Yields:
        Lines of plain text.

    Raises:
        InputError: The folder does not contain a build, or one of its reports is damaged.
    """
    if not (folder / "recipe.json").exists():
        raise InputError(
            f"{folder}: does not contain a build. `misfire savacu build CONFIG --out FOLDER` creates one."
        )
    yield _ingest(folder)
    yield from _classify(folder)
    yield from _expand(folder)
    yield _dedup(folder)
    yield _line("respond", _shards(folder / "respond"))
    yield from _judge(folder)
    yield _split(folder)
    published = PublishStage().report(folder)
    yield _line("publish", f"instances: {_counts(published.rows)}" if published else "")


def _ingest(folder: Path) -> str:
    report = IngestStage().report(folder)
    if report is None:
        return _line("ingest", "")
    said = (
        f"{report.kept:,} of {report.read:,} rows kept; dropped: {_counts(report.dropped)}; "
        f"{report.invalid:,} bad rows"
    )
    return _line("ingest", said)


def _classify(folder: Path) -> Iterator[str]:
    report = ClassifyStage().report(folder)
    if report is None:
        yield _line("classify", _shards(folder / "classify"))
        return
    said = (
        f"{report.prompts:,} prompts; {report.without_domain:,} touch no domain; {report.undefined:,} "
        "unreadable labels"
    )
    yield _line("classify", said)
    calibration = report.calibration
    if calibration is not None:
        quality = f"precision {_share(calibration.precision)}, recall {_share(calibration.recall)}; "
        at_delta = f"at delta {_share(calibration.precision_at_delta)}, {_share(calibration.recall_at_delta)}"
        counts = f"{calibration.prompts:,} labeled, error {calibration.error:.4f}"
        yield f"  calibration: {counts}, {quality}{at_delta}"


def _expand(folder: Path) -> Iterator[str]:
    report = ExpandStage().report(folder)
    if report is not None:
        made = (
            f"{report.kept:,} of {report.asked:,} new prompts kept in {report.rounds} rounds; "
            f"{_counts(report.dropped)}"
        )
        yield _line("expand", f"{made}; {report.under_target} domains still under target")


def _dedup(folder: Path) -> str:
    report = DedupStage().report(folder)
    if report is None:
        return _line("dedup", "")
    kept = f"{report.kept:,} of {report.prompts:,} prompts kept at distance {report.tau}"
    return _line("dedup", f"{kept}; clusters by size: {_counts(report.sizes)}")


def _judge(folder: Path) -> Iterator[str]:
    report = JudgeStage().report(folder)
    if report is None:
        yield _line("judge", _shards(folder / "judge"))
        return
    passed = (
        f"{report.passed:,} of {report.pairs:,} pairs passed, by round: {_counts(report.passed_by_round)}"
    )
    yield _line("judge", f"{passed}; {report.dropped:,} dropped")
    for number, counts in report.rejected.items():
        yield (
            f"  round {number}: {report.written.get(number, 0):,} responses written, rejected for: "
            f"{_counts(counts)}"
        )
    yield f"  dropped for: {_counts(report.dropped_for)}"


def _split(folder: Path) -> str:
    report = SplitStage().report(folder)
    if report is None:
        return _line("split", "")
    large = any(sum(balance.counts.values()) >= LARGE_DOMAIN for balance in report.balance.values())
    off = f"{LARGE_DOMAIN} or more prompts deviate by at most {worst(report.balance, LARGE_DOMAIN):.3f}"
    deviation = f"domains with {off}" if large else f"no domain has {LARGE_DOMAIN} prompts"
    said = f"prompts: {_counts(report.prompts)}; {len(report.leaking):,} dropped as leaking; {deviation}"
    return _line("split", said)


def _line(stage: str, said: str) -> str:
    return f"{stage:<9} {said or 'not done'}"


def _shards(folder: Path) -> str:
    count = sum(1 for _ in folder.rglob("[0-9]*.parquet"))
    return f"{count:,} shards" if count else ""


def _counts(counts: Mapping[Any, int]) -> str:
    # the names come from a file, which may not be trustworthy
    return ", ".join(f"{one_line(str(name))} {count:,}" for name, count in counts.items()) or "none"


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
