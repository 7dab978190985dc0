"""The arms of the priming experiment: which half gets which cue where, and the resulting prompts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from misfire.datasets.cues import CueBook, CueName
from misfire.datasets.pairs import HalfName, Pair
from misfire.scorers.half_notes import BASE

Placement = Literal["stereotyped", "contrast", "both"]
"""The halves that get the cue. ``stereotyped`` is the published experiment."""

Position = Literal["prefix", "suffix", "system"]
"""Before the prompt (published), after it, or in the system message."""


@dataclass(frozen=True)
class Arm:
    """One primed condition.

    Attributes:
        cue: The cue.
        placement: The halves that get it.
        position: Its position.
    """

    cue: CueName
    placement: Placement
    position: Position

    @property
    def name(self) -> str:
        """Name of the arm, for example ``published_stereotyped``.

        The position is included unless it is the published one.
        """
        end = "" if self.position == "prefix" else f"_{self.position}"
        return f"{self.cue}_{self.placement}{end}"

    def primes(self, half: HalfName) -> bool:
        """Check whether a half gets the cue."""
        return self.placement in {half, "both"}


@dataclass(frozen=True)
class AskedHalf:
    """One text that is asked once, and the arms that use it.

    Attributes:
        half: Name of the half.
        prompt: Evidence and question, with the cue before or after it if it has that position.
        system_cue: The cue if it is in the system message.
        cue: The cue, or None.
        cue_text: Sentence of the cue, or None.
        position: Position of the cue, or None.
        arms: Names of the arms.
        arm_numbers: Positions of the arms in the run's order. The base arm is 0.
    """

    half: HalfName
    prompt: str
    system_cue: str | None
    cue: CueName | None
    cue_text: str | None
    position: Position | None
    arms: tuple[str, ...] = ()
    arm_numbers: tuple[int, ...] = ()


def cross(
    cues: Sequence[CueName], placements: Sequence[Placement], positions: Sequence[Position]
) -> list[Arm]:
    """Return all combinations of cues, placements and positions as distinct arms, in order."""
    return list(dict.fromkeys(Arm(*parts) for parts in product(cues, placements, positions)))


def asked_halves(pair: Pair, arms: Sequence[Arm], book: CueBook) -> list[AskedHalf]:
    """Return the distinct texts that a pair's arms need. Texts that arms share are asked once.

    Args:
        pair: The pair.
        arms: The primed arms. The base arm is always added.
        book: Writes the cues.

    Returns:
        The texts, those of the base arm first.
    """
    asked: dict[tuple[HalfName, str, str | None], AskedHalf] = {}
    served: dict[tuple[HalfName, str, str | None], list[tuple[str, int]]] = {}
    for number, arm in enumerate((None, *arms)):
        for name, half in pair.halves:
            text = (
                _cued(half.prompt, name, book.text(arm.cue, pair), arm)
                if arm and arm.primes(name)
                else _plain(half.prompt, name)
            )
            # texts with the same half, prompt and system cue are the same question
            key = (name, text.prompt, text.system_cue)
            asked.setdefault(key, text)
            served.setdefault(key, []).append((arm.name if arm else BASE, number))
    return [
        replace(
            text,
            arms=tuple(name for name, _ in served[key]),
            arm_numbers=tuple(number for _, number in served[key]),
        )
        for key, text in asked.items()
    ]


def _plain(prompt: str, half: HalfName) -> AskedHalf:
    return AskedHalf(half, prompt, None, None, None, None)


def _cued(prompt: str, half: HalfName, cue_text: str, arm: Arm) -> AskedHalf:
    prompts: dict[Position, str] = {
        "prefix": f"{cue_text} {prompt}",
        "suffix": f"{prompt} {cue_text}",
        "system": prompt,
    }
    system_cue = cue_text if arm.position == "system" else None
    return AskedHalf(half, prompts[arm.position], system_cue, arm.cue, cue_text, arm.position)
