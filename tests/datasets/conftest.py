"""BBQ as it lies in the shared folder, read once for all tests (a second for its 26 MB)."""

from pathlib import Path

import pytest

from misfire.datasets.bbq import BBQFile, read_bbq
from misfire.datasets.pairs import Pair
from misfire.datasets.veto_pairs import build_pairs


@pytest.fixture(scope="session")
def bbq_files(shared: Path) -> list[BBQFile]:
    """All files of BBQ."""
    return read_bbq(bbq_dir=shared / "bbq", allow_unverified=True)


@pytest.fixture(scope="session")
def bbq_pairs(bbq_files: list[BBQFile]) -> list[Pair]:
    """All published pairs, built from these files."""
    return build_pairs(bbq_files)
