"""The examples of a property do not depend on what the process did before."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def fixed() -> Iterator[None]:
    """The profile with fixed examples, even where the run looks for others."""
    chosen = settings.get_current_profile_name()
    settings.load_profile("misfire")
    yield
    settings.load_profile(chosen)


Example = tuple[str, int, float]


def examples() -> list[Example]:
    """The examples of one property, in their order."""
    found: list[Example] = []

    @given(st.text(), st.integers(), st.floats(allow_nan=False))
    @settings(max_examples=300)
    def collect(text: str, number: int, real: float) -> None:
        found.append((text, number, real))

    collect()
    return found


def test_examples_do_not_depend_on_which_modules_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = examples()
    # when a module full of constants is imported, as Hypothesis looks for them in local modules
    (tmp_path / "full_of_constants.py").write_text(
        "".join(f"words{n} = 'misfired word {n}'\nnumber{n} = {10_007 * n}\n" for n in range(2, 200))
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("full_of_constants")
    # then none of them is drawn
    assert examples() == before
    assert len(before) > 200


def test_a_busy_machine_fails_no_property():
    assert settings.default is not None
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check
