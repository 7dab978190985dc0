"""Small instances to work with."""

from collections.abc import Callable

import pytest

from misfire.datasets.misalign.instances import Instance

InstanceMaker = Callable[..., Instance]


@pytest.fixture
def make_instance() -> InstanceMaker:
    """Makes a small valid instance; keywords replace its fields."""

    def make(k: int = 0, **fields: object) -> Instance:
        values: dict[str, object] = {
            "id": f"i{k}",
            "prompt": f"Question {k}?",
            "aligned": f"A fair answer {k}.",
            "misaligned": f"An unfair answer {k}.",
            "provenance": "a test",
        }
        return Instance.model_validate(values | fields)

    return make
