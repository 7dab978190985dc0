"""The prompts that a simulated model knows: halves of pairs and their controls, found by their text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from misfire.datasets.pair_files import read_pairs
from misfire.datasets.pairs import HalfName, Pair
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.scorers.probes import Probe


@dataclass(frozen=True)
class KnownPrompt:
    """A prompt that the model knows.

    Attributes:
        pair: The pair of the prompt.
        half: The half that the prompt is or belongs to.
        probe: ``evidence`` for a half, otherwise the kind of control. It is never ``three_way``, because the
            prompt of that control is the prompt of the half.
        prompt: Text of the prompt.
    """

    pair: Pair
    half: HalfName
    probe: Probe
    prompt: str


class KnownHalves:
    """An index of prompts by their text.

    Args:
        pairs: The pairs to know.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        prompts = [prompt for pair in pairs for prompt in _prompts(pair)]
        # if texts are equal, halves take precedence over controls, and later pairs over earlier ones
        prompts.sort(key=lambda known: known.probe == "evidence")
        self._prompts: dict[str, KnownPrompt] = {known.prompt: known for known in prompts}

    def find(self, text: str) -> KnownPrompt | None:
        """Find the known prompt in a text.

        Args:
            text: A user message: a prompt, possibly with other text before or after it.

        Returns:
            The prompt; if the text contains several, the one that ends last, and of those the longest. None
            if the text contains no known prompt.
        """
        first = text.partition("\n\n")[0]
        if first in self._prompts:
            return self._prompts[first]
        starts = ((text.rfind(prompt), prompt) for prompt in self._prompts)
        ends = ((start + len(prompt), len(prompt), prompt) for start, prompt in starts if start >= 0)
        _, _, prompt = max(ends, default=(0, 0, ""))
        return self._prompts.get(prompt)


def _prompts(pair: Pair) -> list[KnownPrompt]:
    known = [KnownPrompt(pair, name, "evidence", half.prompt) for name, half in pair.halves]
    if pair.controls is not None:
        known += [KnownPrompt(pair, name, "foil", foil.prompt) for name, foil in pair.controls.foils]
        known += [KnownPrompt(pair, name, "ambiguous", prompt) for name, prompt in pair.controls.ambiguous]
    return known


@lru_cache(maxsize=4)
def known_halves(path: Path | None) -> KnownHalves:
    """Return the index of a pair file, or of the embedded pairs with their controls if ``path`` is None."""
    return KnownHalves(
        read_pairs(path) if path else load_pairs(PairSettings("embedded", controls=True)).pairs
    )
