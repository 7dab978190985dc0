"""The pairs that a model was asked, and those that were selected for the analyses, with their prompts and margins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from misfire.datasets.pairs import HalfName, Pair
from misfire.mechanistic.model.decoder import AnswerTokens
from misfire.mechanistic.prompts import AskedText, ProbePrompt, Wording

Group = Literal["failure", "mirror", "control"]
"""``failure``: stereotyped half wrong, contrast half right; ``mirror``: the reverse; ``control``: both halves right."""

GROUPS: tuple[Group, ...] = get_args(Group)

FAILING: Mapping[str, HalfName] = {"failure": "stereotyped", "mirror": "contrast"}
"""The half that is wrong in the pairs of a group."""


@dataclass(frozen=True)
class AskedPair:
    """What a model answered to a candidate pair.

    Attributes:
        pair: Its id.
        category: Its category.
        scenario: Its scenario.
        stereotyped: Margin of the stereotyped half, in logits; above 0 the answer is right.
        contrast: Margin of the contrast half.
    """

    pair: str
    category: str
    scenario: str
    stereotyped: float
    contrast: float


@dataclass(frozen=True)
class ProbedPair:
    """A pair that was selected for the analyses, as the probe asks it.

    Attributes:
        pair: The pair.
        group: Failure, mirror or control.
        prompts: The prompt of each half, in tokens.
        margins: The logit difference of each half towards its right answer; above 0 the answer is right.
        texts: For halves that were asked with other text than their own prompt, that text.
    """

    pair: Pair
    group: Group
    prompts: Mapping[HalfName, ProbePrompt]
    margins: Mapping[HalfName, float]
    texts: Mapping[HalfName, AskedText] = field(default_factory=dict[HalfName, AskedText])

    def sign(self, half: HalfName) -> int:
        """1 where the half's right answer is "yes", −1 where it is "no"."""
        return 1 if dict(self.pair.halves)[half].target == "yes" else -1

    @property
    def labels(self) -> dict[str, str]:
        """The columns that identify the pair in every frame."""
        return {"pair": self.pair.id, "scenario": self.pair.scenario, "category": self.pair.category, "group": self.group}


@dataclass(frozen=True)
class Probed:
    """The pairs of an analysis, and what is known of the candidates that they were selected from.

    Attributes:
        pairs: Failures, then mirrors, then controls.
        answers: The tokens of the answers.
        wording: The wording of the probe.
        considered: Number of candidates that were asked.
        failing: Number of candidates that failed.
        passing: Number of candidates with both halves right.
        mirroring: Number of candidates whose contrast half alone was wrong.
        not_confirmed: Number of pairs that misfired in the log and not under the probe.
        asked: All candidates with their margins; empty where pairs were selected by another model's answers.
        origin: A sentence that says where the candidates are from; empty if there is nothing to say.
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

    def of(self, group: Group) -> tuple[ProbedPair, ...]:
        """The pairs of one group."""
        return tuple(one for one in self.pairs if one.group == group)

    @property
    def weights(self) -> dict[Group, float]:
        """The number of candidates that each pair of a group stands for, at least 1."""
        candidates: dict[Group, int] = {"failure": self.failing, "mirror": self.mirroring, "control": self.passing}
        return {group: max(1.0, count / max(1, len(self.of(group)))) for group, count in candidates.items()}
