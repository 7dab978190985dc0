"""Every test here runs with keys for the loopback server alone.

It has a place of its own for Inspect's data.
"""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("OPENAI", "ANTHROPIC", "LOCAL"):
        monkeypatch.setenv(f"{provider}_API_KEY", "no-key-is-needed")
        monkeypatch.delenv(f"{provider}_BASE_URL", raising=False)
    # where Inspect keeps the buffer that a crashed run is recovered from
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
