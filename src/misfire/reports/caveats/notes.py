"""Notes on logs: excluded or duplicate samples, other scorings, and outdated stored metrics."""

from collections.abc import Iterable, Mapping, Sequence

from misfire.reports.caveats.missing import AnyRun, missing_words
from misfire.reports.caveats.recomputed import disagreement, misalign_run_metrics, pair_counts
from misfire.reports.logs.log_files import Scoring
from misfire.reports.logs.places import named
from misfire.reports.logs.samples import READ_BY, Content
from misfire.reports.number_format import plain
from misfire.reports.pairs.records import HalfRecord
from misfire.reports.pairs.runs import Run
from misfire.reports.results import Results

SHOWN = 3
"""Maximum number of sample names in a sentence."""


def notes_on(results: Results) -> Iterable[str]:
    """Return one sentence for each fact about the logs that a reader would not expect.

    Args:
        results: The results of the logs.

    Returns:
        The sentences, run by run, followed by those about logs that were left out.
    """
    for run in results.run_set.runs:
        if content := results.contents.get(run.log):
            numbers = pair_counts([arm for arm in results.arms if arm.run is run]) if content.scored else {}
            yield from run_notes(run, content, disagreement(dict(run.stored), numbers))
        if words := bound_words(results.records_of(run)):
            yield f"{plain(run.label)} ({run.task}): {words}"
    misalign = results.misalign
    for run, records in zip(misalign.run_set.runs, misalign.records, strict=True):
        if content := misalign.contents.get(run.log):
            numbers = misalign_run_metrics(run, records) if content.scored else {}
            yield from run_notes(run, content, disagreement(dict(run.stored), numbers))
    run_set = results.run_set
    if run_set.copies:
        yield f"Copies of included logs, with the same scores, were left out: {plain(named(run_set.copies))}."
    if run_set.superseded:
        yield f"Logs of earlier attempts at these runs were left out: {plain(named(run_set.superseded))}."
    if run_set.foreign:
        yield f"{len(run_set.foreign)} logs of other tasks were left out."
    for line in run_set.unreadable:
        yield f"Left out: {plain(line)}"


def bound_words(records: Sequence[HalfRecord]) -> str | None:
    """Describe margins that are only bounds because a provider lists few tokens.

    Args:
        records: The halves of a run.

    Returns:
        A sentence, or None if there are no such margins.
    """
    read = [record for record in records if record.answer_mass is not None]
    bounds = sum(record.margin_bound != "exact" for record in read)
    if not bounds:
        return None
    return (
        f"in {bounds} of {len(read)} halves, yes or no is not among the first tokens that the "
        "provider lists. The margin is only a bound there (column margin_bound), and the mass on answers a "
        "lower bound."
    )


def is_scored(contents: Mapping[str, Content], log: str) -> bool:
    """Whether a log has scored samples. If it has none, another sentence reports what it lacks."""
    return log not in contents or contents[log].scored > 0


def run_notes(run: AnyRun, content: Content, differing: str | None) -> Iterable[str]:
    """Return one sentence for each fact about one log that a reader would not expect.

    Args:
        run: The run.
        content: Counts of its samples.
        differing: How the stored metrics differ from those of the samples, or None if they agree.

    Returns:
        The sentences.
    """
    name = f"{plain(run.label)} ({run.task if isinstance(run, Run) else f'Mis-Align, {run.mode}'})"
    if missing := missing_words(run, content):
        yield f"{name} {plain(missing)}"
    if content.invalidated:
        yield (
            f"{name}: {content.invalidated} of {content.samples} samples are marked as invalid "
            "(invalidated) and left out everywhere."
        )
    if content.repeated:
        yield (
            f"{name}: {content.repeated} samples are duplicates, for example because logs were merged. "
            "Each sample counts once."
        )
    if content.contradicted:
        names = ", ".join(content.contradicted[:SHOWN])
        more = f" and {len(content.contradicted) - SHOWN} more" if len(content.contradicted) > SHOWN else ""
        yield (
            f"{name}: {len(content.contradicted)} samples have a duplicate with another outcome, for "
            f"example because logs were merged. The last one in the log counts: {plain(names)}{more}."
        )
    if content.unlisted:
        yield (
            f"{name}: {content.unlisted} samples are in the file but not in its list of samples. They are "
            "ignored."
        )
    if run.other_scorings:
        others = ", ".join(scoring.words for scoring in run.other_scorings)
        yield (
            f"{name} was scored more than once. The numbers use {plain(scoring_words(run, content))}, not "
            f"{plain(others)}."
        )
    if len(content.readings) > 1:
        counts = ", ".join(f"{reading}: {count}" for reading, count in content.readings)
        yield (
            f"{name}: its samples were read by different parsers or graders ({plain(counts)} samples). "
            "Score it again with one of them."
        )
    elif scoring_words(run, content) != run.scoring.words and run.scoring.options:
        yield (
            f"{name}: its scores are from {plain(scoring_words(run, content))}, but its header says "
            f"{plain(run.scoring.words)}."
        )
    if differing:
        yield f"{name}: {differing}"


def scoring_words(run: AnyRun, content: Content) -> str:
    """Describe the scoring of a run as recorded in its scores.

    Unlike the header, the scores reflect a later grading by another model.
    """
    noted = content.readings[0][0] if len(content.readings) == 1 else None
    options = tuple(
        (name, noted if noted and name in READ_BY else value) for name, value in run.scoring.options
    )
    return Scoring(run.scoring.column, options).words
