"""What all tests share: the folder of real data, and small pairs to work with."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from misfire.datasets.pairs import Half, Pair

# how long an example takes depends on the machine and on what else it does; properties are not about time
settings.register_profile("misfire", deadline=None)
settings.load_profile("misfire")

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data (BBQ's files, expected pairs); it is not part of the repository."""
    folder = Path(os.environ.get("MISFIRE_SHARED", ROOT.parent / "shared"))
    if not (folder / "bbq").is_dir():
        pytest.skip(f"needs the shared data (bbq/, veto/): none at {folder}; set MISFIRE_SHARED")
    return folder


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
            "stereotyped": Half(prompt=f"Case {question_index}.{k} of {category}: the old cook slept. Did the old cook sleep?"),
            "contrast": Half(prompt=f"Case {question_index}.{k} of {category}: the young cook slept. Did the young cook sleep?"),
        }
        return Pair.model_validate(values | fields)

    return make
