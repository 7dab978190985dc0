"""The longest tests start first, so that at the end no process works on one while the others have none left.

``pytest.mark.slow(seconds=N)`` says about how many seconds a test takes, where these are many; a module's
tests that share what is expensive stay together if all of them carry the same mark.
"""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by declared seconds, slow tests before others; otherwise the order stays as it was."""
    items.sort(key=_seconds, reverse=True)


def _seconds(item: pytest.Item) -> float:
    slow = item.get_closest_marker("slow")
    return 0 if slow is None else slow.kwargs.get("seconds", 1)
