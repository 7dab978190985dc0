"""Logs that lack samples or scores: what is missing, and which command mends it."""

import shlex

from misfire.errors import InputError
from misfire.reports.logs.log_files import SCORERS, Scoring
from misfire.reports.logs.places import as_argument, display_path
from misfire.reports.logs.samples import Content
from misfire.reports.misalign.runs import MisalignRun
from misfire.reports.pairs.runs import Run
from misfire.reports.results import Results

AnyRun = Run | MisalignRun


def missing_words(run: AnyRun, content: Content) -> str | None:
    """What a log lacks that numbers rest on, and what to do about it.

    Args:
        run: The run.
        content: What its samples are like.

    Returns:
        A sentence or two that follow the run's name; none where it has scored samples.
    """
    if content.scored:
        return None
    if content.samples:
        scored = " by misfire's own scorer" if run.stored else ""
        lacks = f"it holds {content.samples} samples without scores{scored}, as after --no-score"
        return f"is incomplete: {lacks}. Score it: `{score_command(run)}`"
    if run.status != "success":
        return f"is incomplete: it holds no samples (status {run.status}), since it broke off before the first or still runs."
    stored = f" The metrics that it holds: `misfire results {as_argument(run.log)}`." if run.stored else ""
    return (
        "is incomplete: it holds no samples, as after --no-log-samples, so that nothing can be computed from it."
        f"{stored} For a report run it again without --no-log-samples."
    )


def score_command(run: AnyRun) -> str:
    """The command that scores a log of a run as its task would have done."""
    return score_command_of(run.log, SCORERS[run.task if isinstance(run, Run) else run.mode], run.scoring)


def score_command_of(location: str, scorer: str, scoring: Scoring) -> str:
    """The command that scores a log in place.

    Args:
        location: Where the log lies.
        scorer: Name of our scorer.
        scoring: How it is to score.

    Returns:
        One line for a shell.
    """
    options = [f"-S {shlex.quote(f'{name}={value}')}" for name, value in scoring.options if name != "grader"]
    return " ".join(["inspect score", as_argument(location), f"--scorer misfire/{scorer}", *options, "--action overwrite --overwrite"])


def refuse_unscored(results: Results) -> None:
    """Refuse logs none of which has anything to report.

    Args:
        results: What the logs hold.

    Raises:
        InputError: No run has a scored sample.
    """
    pairs, misalign = results.run_set.runs, results.misalign.run_set.runs
    contents = {**results.contents, **results.misalign.contents}
    missing = [(run, words) for run in (*pairs, *misalign) if run.log in contents and (words := missing_words(run, contents[run.log]))]
    if len(missing) == len(pairs) + len(misalign):
        raise InputError("\n".join(["There is nothing to report:", *(f"- {display_path(run.log)} {words}" for run, words in missing)]))
