"""Hand-built organisms and their probed pairs, made once; they stand in for models whose faults are known."""

from pathlib import Path

import pytest

from misfire.datasets.pair_files import read_pairs
from misfire.mechanistic.model.decoder import load_decoder
from misfire.mechanistic.model.head_names import parse_heads
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import (
    BASE_FOLDER,
    PAIRS_FILE,
    TRUTH_FILE,
    Organism,
    Truth,
    save_organism,
)
from misfire.mechanistic.organisms.trained import trained
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.selection import probe_pairs
from misfire.mechanistic.session import Session
from tests.kept import kept


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Turn warnings about numbers, such as a mean of nothing, into errors in all tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error::RuntimeWarning"))


def study_of(made: Organism) -> Session:
    """A session on an organism with 24 failures and 16 controls."""
    return Session(made.decoder, probe_pairs(made.decoder, made.pairs, per_group=24))


@pytest.fixture(scope="session")
def organism() -> Organism:
    """One planted head."""
    return hand_built(3)


@pytest.fixture(scope="session")
def session(organism: Organism) -> Session:
    """A session on the organism with one planted head."""
    return study_of(organism)


@pytest.fixture(scope="session")
def probed(session: Session) -> Probed:
    """The pairs of that session."""
    return session.probed


@pytest.fixture(scope="session")
def unread() -> Organism:
    """One head that writes "no", and nothing else that tells one half from the other."""
    return hand_built(3, "no-evidence")


@pytest.fixture(scope="session")
def unread_session(unread: Organism) -> Session:
    """A session on the organism that reads no evidence."""
    return study_of(unread)


@pytest.fixture(scope="session")
def group_blind() -> Organism:
    """One head that errs on certain words, as often the stereotyped person's as the other's."""
    return hand_built(3, "group-blind")


@pytest.fixture(scope="session")
def three() -> Organism:
    """Three planted heads that share the work."""
    return hand_built(2, "three-heads")


@pytest.fixture(scope="session")
def three_session(three: Organism) -> Session:
    """A session on the organism with three planted heads."""
    return study_of(three)


@pytest.fixture(scope="session")
def taught() -> Organism:
    """A trained organism, that of the documentation's worked example."""
    folder = kept("trained-organism", lambda place: save_organism(trained(1), place))
    decoder, base = (load_decoder(str(place), device="cpu") for place in (folder, folder / BASE_FOLDER))
    truth = Truth.model_validate_json((folder / TRUTH_FILE).read_text())
    pairs = read_pairs(folder / PAIRS_FILE)
    return Organism(decoder, base, parse_heads(list(truth.heads)), tuple(pairs), truth)
