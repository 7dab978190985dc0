"""Logs without samples or scores: what is missing, and which command adds it."""

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
    """Return what a log lacks and what to do about it.

    Args:
        run: The run.
        content: Counts of its samples.

    Returns:
        One or more sentences to append to the name of the run, or None if the log has scored samples.
    """
    if content.scored:
        return None
    if content.samples:
        scored = " by misfire's own scorer" if run.stored else ""
        lacks = (
            f"it holds {content.samples} samples without scores{scored} (for example because of --no-score)"
        )
        return f"is incomplete: {lacks}. Score it: `{score_command(run)}`"
    if run.status != "success":
        return (
            f"is incomplete: it holds no samples (status {run.status}), because it stopped before the "
            "first one or is still running."
        )
    stored = (
        f" To see its stored metrics, run `misfire results {as_argument(run.log)}`." if run.stored else ""
    )
    return (
        "is incomplete: it holds no samples (for example because of --no-log-samples), so nothing can be "
        f"computed from it.{stored} To get a report, run it again without --no-log-samples."
    )


def score_command(run: AnyRun) -> str:
    """Return the shell command that scores the log of a run in the same way as its task."""
    return score_command_of(run.log, SCORERS[run.task if isinstance(run, Run) else run.mode], run.scoring)


def score_command_of(location: str, scorer: str, scoring: Scoring) -> str:
    """Return the shell command that scores a log in place.

    Args:
        location: Location of the log.
        scorer: Name of the misfire scorer.
        scoring: Scoring options.

    Returns:
        The command, on one line.
    """
    options = [f"-S {shlex.quote(f'{name}={value}')}" for name, value in scoring.options if name != "grader"]
    return " ".join(
        [
            "inspect score",
            as_argument(location),
            f"--scorer misfire/{scorer}",
            *options,
            "--action overwrite --overwrite",
        ]
    )


def refuse_unscored(results: Results) -> None:
    """Raise an error if no log has scored samples.

    Raises:
        InputError: No run has a scored sample. The message lists what each log lacks.
    """
    pairs, misalign = results.run_set.runs, results.misalign.run_set.runs
    contents = {**results.contents, **results.misalign.contents}
    missing = [
        (run, words)
        for run in (*pairs, *misalign)
        if run.log in contents and (words := missing_words(run, contents[run.log]))
    ]
    if len(missing) == len(pairs) + len(misalign):
        raise InputError(
            "\n".join(
                [
                    "There is nothing to report:",
                    *(f"- {display_path(run.log)} {words}" for run, words in missing),
                ]
            )
        )
