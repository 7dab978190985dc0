"""How the tests run a task: as ``inspect eval`` does it, but for what only a person at a terminal needs.

Inspect draws a table of results at the end of a run even where nothing shows it, and writes every event into
a database from which its viewer follows a run that is under way. Together that is about half of the time of a
small run.
"""

from typing import Any

import inspect_ai
from inspect_ai.log import EvalLog


def run_task(tasks: Any, **options: Any) -> list[EvalLog]:
    """Run a task, or several, as ``inspect_ai.eval`` does.

    Args:
        tasks: What ``inspect_ai.eval`` takes.
        options: Its other arguments; those given here win over ours.

    Returns:
        The log of each task.
    """
    quick: dict[str, Any] = {"display": "log", "log_realtime": False}
    return inspect_ai.eval(tasks, **quick | options)
