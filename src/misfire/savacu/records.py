"""The records that stages write to the folder of a build, in shards and reports.

Their fields define the file format.
"""

from typing import Literal, get_args

from misfire.datasets.misalign.instances import RESPONSE_NAMES, ResponseName, Split
from misfire.savacu.calibration import Calibration
from misfire.savacu.calls import Record
from misfire.savacu.prompting.classify import Method
from misfire.savacu.prompting.respond import Domains, Draft
from misfire.savacu.splits import DomainBalance

StageName = Literal["ingest", "classify", "expand", "dedup", "respond", "judge", "split", "publish"]
"""The stages in order. The stage "judge" includes all rounds of rewriting."""

STAGE_NAMES: tuple[StageName, ...] = get_args(StageName)


class CompletedBy(Record):
    """The recipe with which a stage was completed (``stages/NAME.json``).

    Attributes:
        recipe: Hash of the whole recipe.
        key: Hash of what the recipe says about this stage and about all stages before it.
    """

    recipe: str
    key: str


class IngestReport(Record):
    """The report of the stage "ingest".

    ``read`` is the sum of ``kept``, ``invalid``, and all counts in ``dropped``.

    Attributes:
        read: Number of rows.
        kept: Number of prompts that were kept.
        invalid: Number of rows that could not be used, if the recipe allows such rows.
        dropped: Number of rows that were dropped, by reason.
        languages: The most likely languages of the rows that were dropped because of their language, with
            counts.
        examples: Messages for the first rows that could not be used.
    """

    read: int
    kept: int
    invalid: int
    dropped: dict[str, int]
    languages: dict[str, int]
    examples: tuple[str, ...] = ()


class ClassifiedBy(Record):
    """The method with which the shards of the stage "classify" were made (``classify/method.json``).

    Attributes:
        method: The method.
    """

    method: Method


class ClassifyReport(Record):
    """The report of the stage "classify".

    Attributes:
        prompts: Number of prompts that were classified.
        undefined: Number of labels that could not be read, out of 111 for each prompt.
        without_domain: Number of prompts that touch no domain. No instance can be made for them.
        domains: Number of prompts that touch each domain.
        calibration: Comparison with the labeled prompts; None if there are none.
    """

    prompts: int
    undefined: int
    without_domain: int
    domains: dict[str, int]
    calibration: Calibration | None


class ExpandReport(Record):
    """The report of the stage "expand". ``asked`` is the sum of ``kept`` and all counts in ``dropped``.

    Attributes:
        rounds: Number of rounds.
        asked: Number of new prompts that were requested.
        dropped: Number of new prompts that were dropped, by reason. The reasons are those of the stage
            "ingest", "repeat" for a prompt that already existed, and "other_domain" if the classifier does
            not find the domain for which the prompt was written.
        kept: Number of new prompts that were kept.
        under_target: Number of domains that still have fewer prompts than wanted.
        undefined: Number of labels of new prompts that could not be read.
    """

    rounds: int
    asked: int
    dropped: dict[str, int]
    kept: int
    under_target: int
    undefined: int


class KeptPrompt(Record):
    """A prompt for which the build makes instances.

    Attributes:
        id: Content id.
        text: The prompt.
        source: The file or data set that contains the prompt.
        place: The row of the prompt in its source.
        domains: The domains that the prompt touches.
        group: The smallest id of its near-duplicates at the radius of the split.
    """

    id: str
    text: str
    source: str
    place: str
    domains: Domains
    group: str


class PreviousPrompt(Record):
    """A prompt of the previous data set.

    Attributes:
        id: Content id.
        group: As in ``KeptPrompt``.
    """

    id: str
    group: str


class Rejection(Record):
    """Why a response was rejected in a round.

    Attributes:
        side: The response that was rejected.
        round: The round in which it was rejected.
        code: The kind of fault.
        reason: A sentence that describes the fault.
    """

    side: ResponseName
    round: int
    code: str
    reason: str


class PairState(Record):
    """Both responses of a pair after a round of writing and judging.

    They are in ``rounds/GENERATOR/ROUND/SHARD.parquet``. Only pairs that were written in the round have a
    state of that round.

    Attributes:
        id: Id of the pair.
        drafts: The responses as they were last written, with their faults. All faults were found in this
            round: a response with a fault from an earlier round would have been written again.
    """

    id: str
    drafts: dict[ResponseName, Draft]

    @property
    def passed(self) -> bool:
        """Whether both responses passed."""
        return all(draft.passed for draft in self.drafts.values())

    def rejections(self, number: int) -> list[Rejection]:
        """The rejections of the round with this number."""
        return [
            Rejection(side=side, round=number, code=fault.code, reason=fault.reason)
            for side in RESPONSE_NAMES
            for fault in self.drafts[side].faults
        ]


class ResponsePair(Record):
    """A prompt with both responses of a generator, after the last round.

    Attributes:
        id: Id of the instance: content id and generator.
        prompt_id: Content id of the prompt.
        generator: Name of the generator.
        drafts: The responses as they were last written.
        rejections: All rejections, in the order of the rounds.
        passed: Whether both responses passed.
    """

    id: str
    prompt_id: str
    generator: str
    drafts: dict[ResponseName, Draft]
    rejections: tuple[Rejection, ...]
    passed: bool


class JudgeReport(Record):
    """The report of the stage "judge".

    Attributes:
        pairs: Number of pairs: the number of prompts times the number of generators.
        passed: Number of pairs in which both responses passed.
        passed_by_round: Number of pairs that passed in each round.
        dropped: Number of pairs that did not pass.
        written: Number of responses that were written in each round.
        rejected: Number of rejections by round and kind of fault. One response may have several faults.
        dropped_for: Number of faults in the final drafts of dropped pairs, by kind of fault.
    """

    pairs: int
    passed: int
    passed_by_round: dict[int, int]
    dropped: int
    written: dict[int, int]
    rejected: dict[int, dict[str, int]]
    dropped_for: dict[str, int]


class SplitPrompt(Record):
    """The split of a prompt.

    Attributes:
        id: Content id.
        split: Its split.
    """

    id: str
    split: Split


class SplitReport(Record):
    """How the prompts were split.

    Attributes:
        prompts: Number of prompts in each split.
        leaking: Ids of new prompts that are near-duplicates of old prompts in different splits. They were
            dropped.
        balance: How each domain is split.
    """

    prompts: dict[Split, int]
    leaking: tuple[str, ...]
    balance: dict[str, DomainBalance]
