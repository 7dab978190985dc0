"""What all tests share: the folder of real data, and small pairs to work with."""

import gc
import os
from collections.abc import Callable
from pathlib import Path

# before anything imports numpy or torch: the workers share the cores already, and sums in float32 depend on
# the number of threads
os.environ["OMP_NUM_THREADS"] = os.environ.get("MISFIRE_TEST_THREADS", "1")
# numba would set the number of OpenMP's threads, which torch uses too, to that of the cores
os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"]
# nor does what is printed depend on the terminal that the tests run in
os.environ["COLUMNS"] = "80"
os.environ.pop("FORCE_COLOR", None)
os.environ.pop("NO_COLOR", None)

import pytest

from misfire.datasets.pairs import Half, Pair
from tests import fixed_examples, longest_first
from tests.cpu_times import CpuTimes

fixed_examples.register()

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""


def pytest_collection_finish() -> None:
    """Keeps the garbage collector from going through what was imported again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--cpu-times``."""
    parser.addoption(
        "--cpu-times",
        type=int,
        metavar="N",
        help="print the N tests that take the most CPU seconds, and the sum",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Starts the longest tests first, unsets Inspect's settings, and measures CPU seconds where asked for."""
    config.pluginmanager.register(longest_first)
    for name in [name for name in os.environ if name.startswith("INSPECT_")]:
        del os.environ[name]  # what a user has set for runs of their own
    shown = config.getoption("cpu_times")
    if shown is not None:
        config.pluginmanager.register(CpuTimes(shown))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data (BBQ's files, expected pairs); it is not part of the repository."""
    folder = Path(os.environ.get("MISFIRE_SHARED", ROOT.parent / "shared"))
    if not (folder / "bbq").is_dir():
        pytest.skip(f"needs the shared data (bbq/, veto/): none at {folder}; set MISFIRE_SHARED")
    return folder


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The folder of a real model, SmolLM2-135M-Instruct; do not write into it."""
    from tests.real_model import smollm2_folder  # imports torch, which most tests do without

    return smollm2_folder()


PairMaker = Callable[..., Pair]


@pytest.fixture
def make_pair() -> PairMaker:
    """Makes a small valid pair; keywords replace its fields."""

    def make(k: int = 0, question_index: str = "1", category: str = "Age", **fields: object) -> Pair:
        slug = category.lower().replace("_", "")
        values: dict[str, object] = {
            "id": f"{slug}_q{question_index}_p{k}",
            "category": category,
            "question_index": question_index,
            "stereotyped_group": "old",
            "contrast_group": "non-Old",
            "stereotyped": Half(
                prompt=f"Case {question_index}.{k} of {category}: the old cook slept. Did the old cook sleep?"
            ),
            "contrast": Half(
                prompt=(
                    f"Case {question_index}.{k} of {category}: the young cook slept. Did the young "
                    "cook sleep?"
                )
            ),
        }
        return Pair.model_validate(values | fields)

    return make
