"""CPU seconds of tests, printed after a run.

Wall time depends on what else the machine does; CPU time does so much less.

The seconds are user and system time, of the test's process and of the processes that it started and waited
for. A fixture counts for the test that needs it first. ``--cpu-times N`` lists the N most expensive tests and
the sum over all processes of the run."""

import os
from collections import defaultdict
from collections.abc import Generator
from typing import Any

import pytest

Phase = Generator[None, Any, Any]

_SECONDS = pytest.StashKey[float]()


def cpu_seconds() -> float:
    """CPU seconds of this process so far, and of its children that have ended."""
    return sum(os.times()[:4])


class CpuTimes:
    """Measures each phase of each test, and sums up."""

    def __init__(self, shown: int) -> None:
        self.shown = shown
        self.by_test: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Phase:
        return (yield from _measured(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Phase:
        return (yield from _measured(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Phase:
        return (yield from _measured(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Phase:
        report = yield
        report.cpu_seconds = item.stash.get(
            _SECONDS, 0.0
        )  # xdist sends the attributes of a report to the main process
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.by_test[report.nodeid] += getattr(report, "cpu_seconds", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        # the workers of xdist have ended by now, so they count as children
        terminalreporter.section(
            f"CPU seconds: {cpu_seconds():.0f} in all, {sum(self.by_test.values()):.0f} in tests"
        )
        slowest = sorted(self.by_test.items(), key=lambda pair: -pair[1])
        for test, seconds in slowest[: self.shown]:
            terminalreporter.write_line(f"{seconds:8.2f}  {test}")


def _measured(item: pytest.Item) -> Phase:
    started = cpu_seconds()
    try:
        return (yield)
    finally:
        item.stash[_SECONDS] = cpu_seconds() - started
