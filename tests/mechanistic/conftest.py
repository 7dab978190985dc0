"""Hand-built organisms and their probed pairs, made once; they stand in for models whose faults are known."""

import pytest

from misfire.datasets.pair_files import read_pairs
from misfire.mechanistic.model.decoder import load_decoder
from misfire.mechanistic.model.head_names import parse_heads
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import BASE_FOLDER, PAIRS_FILE, TRUTH_FILE, Organism, Truth, save_organism
from misfire.mechanistic.organisms.trained import trained
from misfire.mechanistic.selection import Probed, probe_pairs
from tests.kept import kept


@pytest.fixture(scope="session")
def organism() -> Organism:
    """One planted head."""
    return hand_built(3)


@pytest.fixture(scope="session")
def probed(organism: Organism) -> Probed:
    """24 failures and 16 controls of it."""
    return probe_pairs(organism.decoder, organism.pairs, per_group=24)


@pytest.fixture(scope="session")
def unread() -> Organism:
    """One head that writes "no", and nothing else that tells one half from the other."""
    return hand_built(3, "no-evidence")


@pytest.fixture(scope="session")
def unread_probed(unread: Organism) -> Probed:
    """24 failures and 16 controls of it."""
    return probe_pairs(unread.decoder, unread.pairs, per_group=24)


@pytest.fixture(scope="session")
def group_blind() -> Organism:
    """One head that errs on certain words, as often the stereotyped person's as the other's."""
    return hand_built(3, "group-blind")


@pytest.fixture(scope="session")
def three() -> Organism:
    """Three planted heads that share the work."""
    return hand_built(2, "three-heads")


@pytest.fixture(scope="session")
def three_probed(three: Organism) -> Probed:
    """24 failures and 16 controls of it."""
    return probe_pairs(three.decoder, three.pairs, per_group=24)


@pytest.fixture(scope="session")
def taught() -> Organism:
    """A trained organism, that of the documentation's worked example."""
    folder = kept("trained-organism", lambda place: save_organism(trained(1), place))
    decoder, base = (load_decoder(str(place), device="cpu") for place in (folder, folder / BASE_FOLDER))
    truth = Truth.model_validate_json((folder / TRUTH_FILE).read_text())
    pairs = read_pairs(folder / PAIRS_FILE)
    return Organism(decoder, base, parse_heads(list(truth.heads)), tuple(pairs), truth)
