"""The pairs that were asked and the pairs selected for the analyses, with their prompts and margins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from misfire.datasets.pairs import HalfName, Pair
from misfire.mechanistic.model.decoder import AnswerTokens
from misfire.mechanistic.prompts import AskedText, ProbePrompt, Wording

Group = Literal["failure", "mirror", "control"]
"""``failure``: stereotyped half wrong, contrast half right; ``mirror``: the reverse; ``control``: both
halves right."""

GROUPS: tuple[Group, ...] = get_args(Group)

FAILING: Mapping[str, HalfName] = {"failure": "stereotyped", "mirror": "contrast"}
"""The half that is wrong in pairs of a group."""


@dataclass(frozen=True)
class AskedPair:
    """A candidate pair with the model's margins.

    Attributes:
        pair: ID of the pair.
        category: Category of the pair.
        scenario: Scenario of the pair.
        stereotyped: Margin of the stereotyped half, in logits. Above 0, the answer is right.
        contrast: Margin of the contrast half.
    """

    pair: str
    category: str
    scenario: str
    stereotyped: float
    contrast: float


@dataclass(frozen=True)
class ProbedPair:
    """A pair that was selected for the analyses, with the prompts of the probe.

    Attributes:
        pair: The pair.
        group: Failure, mirror or control.
        prompts: The prompt of each half as tokens.
        margins: The logit difference of each half toward its right answer. Above 0, the answer is right.
        texts: The text that was asked, for halves where it differs from their own prompt.
    """

    pair: Pair
    group: Group
    prompts: Mapping[HalfName, ProbePrompt]
    margins: Mapping[HalfName, float]
    texts: Mapping[HalfName, AskedText] = field(default_factory=dict[HalfName, AskedText])

    def sign(self, half: HalfName) -> int:
        """Return 1 if the right answer of the half is "yes", and −1 if it is "no"."""
        return 1 if dict(self.pair.halves)[half].target == "yes" else -1

    @property
    def labels(self) -> dict[str, str]:
        """The columns that identify the pair in every frame."""
        return {
            "pair": self.pair.id,
            "scenario": self.pair.scenario,
            "category": self.pair.category,
            "group": self.group,
        }


@dataclass(frozen=True)
class Probed:
    """The pairs of an analysis, with information about the candidates that they were selected from.

    Attributes:
        pairs: Failures, then mirrors, then controls.
        answers: The tokens of the answers.
        wording: The wording of the probe.
        considered: Number of candidates that were asked.
        failing: Number of candidates that failed.
        passing: Number of candidates with both halves right.
        mirroring: Number of candidates with only the contrast half wrong.
        not_confirmed: Number of pairs that misfired in the log but not under the probe.
        asked: All candidates with their margins; empty if the pairs were selected by the answers of another
            model.
        origin: A sentence about the origin of the candidates; empty if there is nothing to say.
        min_margin: Smallest size of a margin that is right or wrong, in logits.
        flips: Number of candidates with a half whose margin is smaller; they are in no group.
        assumed: Whether the groups are only assumed, for a plan before the probe.
    """

    pairs: tuple[ProbedPair, ...]
    answers: AnswerTokens
    wording: Wording
    considered: int
    failing: int
    passing: int
    mirroring: int = 0
    not_confirmed: int = 0
    asked: tuple[AskedPair, ...] = ()
    origin: str = ""
    min_margin: float = 0.0
    flips: int = 0
    assumed: bool = False

    def of(self, group: Group) -> tuple[ProbedPair, ...]:
        """Return the pairs of one group."""
        return tuple(one for one in self.pairs if one.group == group)

    @property
    def weights(self) -> dict[Group, float]:
        """The number of candidates that each pair of a group stands for, at least 1."""
        candidates: dict[Group, int] = {
            "failure": self.failing,
            "mirror": self.mirroring,
            "control": self.passing,
        }
        return {group: max(1.0, count / max(1, len(self.of(group)))) for group, count in candidates.items()}
