"""When to stop drawing random sets of heads: a sequential Monte Carlo test whose size is known exactly.

A *hit* is a random set of heads that restores at least as many failures as the best heads do. Under the null
hypothesis the best heads are like a random set, so all orders of the best set among n random ones are equally
probable, and the number of hits among n draws is uniform on 0 to n (Besag and Clifford 1991, Biometrika 78).
The rule looks at the hits several times and stops as soon as the answer is clear. Each next draw is a hit
with probability (hits + 1) / (draws + 2), as in Pólya's urn, so the probability of a wrong "above" at any
look is a finite sum and not an approximation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Answer = Literal["above", "not above"]
"""``above``: the best heads restore more than random heads do; ``not above``: this was not shown."""


@dataclass(frozen=True)
class Look:
    """A number of draws after which the best heads can be found to be above random heads.

    Attributes:
        draws: Number of draws.
        hits: Largest number of hits with which they are.
    """

    draws: int
    hits: int


@dataclass(frozen=True)
class DrawRule:
    """A sequential rule.

    Attributes:
        step: Number of draws between two looks. It is also the least number of draws.
        looks: The looks at which the answer can be "above", in order. The last one ends the draws.
        give_up: The number of hits that ends the draws with "not above", at any step.
    """

    step: int
    looks: tuple[Look, ...]
    give_up: int

    @property
    def most(self) -> int:
        """The largest number of draws."""
        return self.looks[-1].draws

    def answer(self, draws: int, hits: int) -> Answer | None:
        """Return the answer after some draws; None to go on.

        Args:
            draws: Number of draws so far, a multiple of ``step``.
            hits: Number of hits among them.
        """
        if any(draws == look.draws and hits <= look.hits for look in self.looks):
            return "above"
        return "not above" if hits >= self.give_up or draws >= self.most else None

    def stop(self, hits: Sequence[bool]) -> tuple[int, Answer]:
        """Return how many draws the rule makes, and its answer.

        Args:
            hits: Whether each draw is a hit, in order; at least as many as the rule makes.

        Raises:
            ValueError: The draws end before the rule does.
        """
        for draws in range(self.step, len(hits) + 1, self.step):
            if (answer := self.answer(draws, sum(hits[:draws]))) is not None:
                return draws, answer
        raise ValueError(f"{len(hits)} draws do not decide")

    def error(self) -> Fraction:
        """Compute the probability of "above" if the best heads are like random ones. It is exact."""
        going: dict[int, Fraction] = {0: Fraction(1)}
        wrong = Fraction(0)
        for draws in range(1, self.most + 1):
            after: dict[int, Fraction] = {}
            for hits, probability in going.items():
                hit = Fraction(hits + 1, draws + 1)
                after[hits] = after.get(hits, Fraction(0)) + probability * (1 - hit)
                after[hits + 1] = after.get(hits + 1, Fraction(0)) + probability * hit
            going = after
            if draws % self.step == 0:
                for hits, p in after.items():
                    wrong += p if self.answer(draws, hits) == "above" else 0
                going = {hits: p for hits, p in after.items() if self.answer(draws, hits) is None}
        return wrong


QUICK = DrawRule(step=10, looks=(Look(40, 0),), give_up=1)
"""Error 1/41, 2.4 %."""

USUAL = DrawRule(step=20, looks=(Look(60, 0), Look(100, 1)), give_up=2)
"""Error 2.2 %."""
