"""The tests that take longest start first, and all others stay in their order."""

import os
import subprocess
import sys
from pathlib import Path

from tests.kept import ROOT

TESTS = """
import pytest

def test_quick(): ...

@pytest.mark.slow
def test_slow(): ...

@pytest.mark.slow(seconds=20)
class TestLong:
    def test_b(self): ...
    def test_a(self): ...

@pytest.mark.slow(seconds=60)
def test_longest(): ...

def test_quick_too(): ...
"""


def test_tests_start_by_the_seconds_that_they_declare(tmp_path: Path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    options = ["--collect-only", "-q", "-p", "tests.longest_first", "-p", "no:cacheprovider"]
    path = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env=os.environ | path,
        capture_output=True,
        text=True,
        check=True,
    )
    order = [line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line]
    assert order == ["test_longest", "test_b", "test_a", "test_slow", "test_quick", "test_quick_too"]
