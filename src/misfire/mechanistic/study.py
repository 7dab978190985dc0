"""A run of ``misfire localise``: its plan, its results so far, and the conclusions from them."""

# many types in pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from misfire.errors import InputError
from misfire.mechanistic.analyses.ablation import Method, choose_method, ranked
from misfire.mechanistic.analyses.curve import KS
from misfire.mechanistic.conclusions.decision import Decision, decide
from misfire.mechanistic.conclusions.misfiring import Misfiring, misfiring
from misfire.mechanistic.conclusions.wording import Findings, looked_into, verdict
from misfire.mechanistic.draw_rule import DrawRule
from misfire.mechanistic.effort_names import EffortName
from misfire.mechanistic.model.batching import BUDGET
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import ABLATIONS, Ablation
from misfire.mechanistic.probed_pairs import GROUPS, Group
from misfire.mechanistic.session import Session

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Plan:
    """Settings of a run.

    Attributes:
        analyses: Names of the analyses (``misfire.mechanistic.registry``).
        ks: Numbers of heads to ablate together.
        draws: Number of random sets of heads for each K, or the rule that decides when there are enough.
        seed: Random seed for folds, permutations and draws.
        budget: Memory budget for activations, in bytes.
        ablations: What replaces the outputs of heads.
        patched: Groups of pairs whose activations are patched.
        senders: Maximum number of heads whose paths are patched: those that the verdict names, or else the
            best of the table.
        effort: Name of the effort that set the sizes; None if the caller chose all of them.
    """

    analyses: tuple[str, ...]
    ks: tuple[int, ...] = KS
    draws: int | DrawRule = 100
    seed: int = 1
    budget: int = BUDGET
    ablations: tuple[Ablation, ...] = ABLATIONS
    patched: tuple[Group, ...] = GROUPS
    senders: int = 3
    effort: EffortName | None = None


@dataclass
class Study:
    """A model under study, with the results so far.

    Attributes:
        session: The model and its pairs.
        base: Its base model with the same pairs, for the lens; None if there is none.
        plan: Settings of the run.
        frames: The frames so far, by name.
    """

    session: Session
    base: Session | None
    plan: Plan
    frames: "dict[str, pd.DataFrame]" = field(default_factory=dict)  # pyright: ignore[reportUnknownVariableType]

    @cached_property
    def misfiring(self) -> Misfiring:
        """Comparison of MAR and BR over all pairs that were asked."""
        return misfiring(self.session.probed.asked)

    @cached_property
    def gap(self) -> float:
        """Mean contrast margin minus mean stereotyped margin of the failures, in logits."""
        failures = self.session.probed.of("failure")
        return float(np.mean([one.margins["contrast"] - one.margins["stereotyped"] for one in failures]))

    @cached_property
    def method(self) -> tuple[Method, float]:
        """How head ablation is computed, and the difference between replay and whole runs in logits."""
        return choose_method(self.session)

    @property
    def decision(self) -> Decision:
        """Decision on the heads, as far as they were analyzed."""
        if "heads_zero" not in self.frames:
            return Decision("not analysed", self.misfiring)
        return decide(self.misfiring, self.frames["heads_zero"], self.frames["curve_zero"], self.gap)

    @property
    def candidates(self) -> list[Head]:
        """The heads whose paths are patched: those that the decision names, or else the best of the table."""
        if "heads_zero" not in self.frames:
            return []
        return (list(self.decision.heads) or ranked(self.frames["heads_zero"]))[: self.plan.senders]

    def verdict(self) -> list[str]:
        """Return sentences that state what the results show, one sentence or paragraph for each result."""
        drops, recovery = (self.frame(name) for name in ("lens_drops", "recovery"))
        first, *rest = verdict(
            Findings(self.decision, drops, recovery, self.gap, self.frames.get("lens_base"))
        )
        return [first, looked_into(self.session.probed), *self._notes(), *rest]

    def _notes(self) -> list[str]:
        if "heads_zero" not in self.frames or self.method[0] == "replay":
            return []
        return [
            f"Replay of layers differed from whole runs by {self.method[1]:.3g} logits, so heads were "
            "ablated with whole runs."
        ]

    def frame(self, name: str) -> "pd.DataFrame":
        """Return a frame; an empty one if it does not exist."""
        import pandas as pd

        return self.frames.get(name, pd.DataFrame())


def small_ks(ks: Sequence[int], heads: int) -> tuple[int, ...]:
    """Return the numbers of heads that the model has, sorted and without duplicates."""
    return tuple(sorted({k for k in ks if 0 < k <= heads}))


def parse_ks(text: str) -> tuple[int, ...]:
    """Parse a list of numbers of heads: ``1,3,5``.

    Raises:
        InputError: An item is not a whole number from 1.
    """
    try:
        ks = tuple(int(item) for item in text.split(","))
    except ValueError:
        ks = (0,)
    if min(ks) < 1:
        raise InputError(
            f"--ks: '{text}' is not a list of numbers of heads. Write whole numbers from 1: 1,3,5."
        )
    return ks
