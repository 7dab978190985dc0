"""What each stage of a build holds and dropped, and why, as lines to read."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from misfire.errors import InputError
from misfire.savacu.build import ClassifyReport, ExpandReport, JudgeReport, SplitReport
from misfire.savacu.near_duplicates.clusters import DedupReport
from misfire.savacu.prompts import one_line
from misfire.savacu.publish.dataset import PublishReport
from misfire.savacu.splits import worst
from misfire.savacu.stages.ingest import IngestCounts
from misfire.savacu.store import read_record

LARGE_DOMAIN = 100
"""Prompts of a domain from which its split should be near the shares wanted."""


def status_lines(folder: Path) -> Iterator[str]:
    """What a build's folder holds.

    Args:
        folder: The folder; a build may be working in it.

    Yields:
        Lines of plain text.

    Raises:
        InputError: There is no build, or one of its reports is broken.
    """
    if not (folder / "recipe.json").exists():
        raise InputError(f"{folder}: holds no build. `misfire savacu build CONFIG --out FOLDER` makes one.")
    ingest = read_record(folder / "ingest" / "report.json", IngestCounts)
    yield _line(
        "ingest",
        f"{ingest.kept:,} of {ingest.read:,} rows kept; dropped: {_counts(ingest.dropped)}; {ingest.invalid:,} bad rows" if ingest else "",
    )
    classify = read_record(folder / "classify" / "report.json", ClassifyReport)
    if classify is None:
        yield _line("classify", _shards(folder / "classify"))
    else:
        yield _line(
            "classify", f"{classify.prompts:,} prompts; {classify.without_domain:,} touch no domain; {classify.undefined:,} labels unread"
        )
        told = classify.calibration
        if told is not None:
            quality = f"precision {_share(told.precision)}, recall {_share(told.recall)}; at delta {_share(told.precision_at_delta)}, "
            yield f"  calibration: {told.prompts:,} labelled, error {told.error:.4f}, {quality}{_share(told.recall_at_delta)}"
    expand = read_record(folder / "expand" / "report.json", ExpandReport)
    if expand is not None:
        made = f"{expand.kept:,} of {expand.asked:,} new prompts kept in {expand.rounds} rounds; {_counts(expand.dropped)}"
        yield _line("expand", f"{made}; {expand.under_target} domains still under target")
    dedup = read_record(folder / "dedup" / "report.json", DedupReport)
    yield _line(
        "dedup",
        f"{dedup.kept:,} of {dedup.prompts:,} prompts kept at distance {dedup.tau}; clusters by size: {_counts(dedup.sizes)}"
        if dedup
        else "",
    )
    yield _line("respond", _shards(folder / "respond"))
    judge = read_record(folder / "judge" / "report.json", JudgeReport)
    if judge is None:
        yield _line("judge", _shards(folder / "judge"))
    else:
        yield _line(
            "judge",
            f"{judge.passed:,} of {judge.pairs:,} pairs passed, by round: {_counts(judge.passed_by_round)}; {judge.dropped:,} dropped",
        )
        for number, counts in judge.rejected.items():
            yield f"  round {number}: {judge.written.get(number, 0):,} responses written, rejected for: {_counts(counts)}"
        yield f"  dropped for: {_counts(judge.dropped_for)}"
    split = read_record(folder / "split" / "report.json", SplitReport)
    if split is None:
        yield _line("split", "")
    else:
        large = any(sum(told.counts.values()) >= LARGE_DOMAIN for told in split.balance.values())
        off = f"{LARGE_DOMAIN} prompts and more are off by {worst(split.balance, LARGE_DOMAIN):.3f} at most"
        deviation = f"domains of {off}" if large else f"no domain has {LARGE_DOMAIN} prompts"
        yield _line("split", f"prompts: {_counts(split.prompts)}; {len(split.leaking):,} dropped as leaking; {deviation}")
    published = read_record(folder / "dataset" / "report.json", PublishReport)
    yield _line("publish", f"instances: {_counts(published.rows)}" if published else "")


def _line(stage: str, said: str) -> str:
    return f"{stage:<9} {said or 'not done'}"


def _shards(folder: Path) -> str:
    count = sum(1 for _ in folder.rglob("[0-9]*.parquet"))
    return f"{count:,} shards" if count else ""


def _counts(counts: Mapping[Any, int]) -> str:
    # names are read from a file that others may have written
    return ", ".join(f"{one_line(str(name))} {count:,}" for name, count in counts.items()) or "none"


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
