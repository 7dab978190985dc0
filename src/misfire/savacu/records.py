"""The records that stages leave in the folder of a build: their shards and their reports. Their fields are the file format."""

from typing import Literal, get_args

from misfire.datasets.misalign.instances import RESPONSE_NAMES, ResponseName, Split
from misfire.savacu.calibration import Calibration
from misfire.savacu.calls import Record
from misfire.savacu.prompting.classify import Method
from misfire.savacu.prompting.respond import Domains, Draft
from misfire.savacu.splits import DomainBalance

StageName = Literal["ingest", "classify", "expand", "dedup", "respond", "judge", "split", "publish"]
"""The stages in their order; "judge" is judging with all rounds of rewriting."""

STAGE_NAMES: tuple[StageName, ...] = get_args(StageName)


class CompletedBy(Record):
    """What a stage was completed with (``stages/NAME.json``).

    Attributes:
        recipe: Hash of the whole recipe.
        key: Hash of what the recipe says about this stage and about all stages before it.
    """

    recipe: str
    key: str


class IngestReport(Record):
    """What became of the rows: ``read`` is the sum of all the other counts.

    Attributes:
        read: All rows.
        kept: Prompts.
        invalid: Rows that could not be used, where the recipe allows them.
        dropped: Rows that give no prompt, by reason.
        languages: Of the rows dropped for their language, the likeliest languages.
        examples: The first rows that could not be used.
    """

    read: int
    kept: int
    invalid: int
    dropped: dict[str, int]
    languages: dict[str, int]
    examples: tuple[str, ...] = ()


class ClassifiedBy(Record):
    """By which method the shards of the stage "classify" were made (``classify/method.json``).

    Attributes:
        method: The method.
    """

    method: Method


class ClassifyReport(Record):
    """Result of the classification.

    Attributes:
        prompts: Prompts that were classified.
        undefined: Labels that could not be read, out of prompts times 111.
        without_domain: Prompts that touch no domain. No instance can be made for them.
        domains: How many prompts touch each domain.
        calibration: Comparison with the labeled prompts; None if there are none.
    """

    prompts: int
    undefined: int
    without_domain: int
    domains: dict[str, int]
    calibration: Calibration | None


class ExpandReport(Record):
    """Result of the expansion: ``asked`` is the sum of what was dropped and kept.

    Attributes:
        rounds: Number of rounds.
        asked: New prompts that were asked for.
        dropped: By reason: as in ingest, "repeat" also for a prompt that existed already, and "other_domain" where the
            classifier does not find the domain that the prompt was written for.
        kept: New prompts that stayed.
        under_target: Domains that still have fewer prompts than wanted.
        undefined: Labels of new prompts that could not be read.
    """

    rounds: int
    asked: int
    dropped: dict[str, int]
    kept: int
    under_target: int
    undefined: int


class KeptPrompt(Record):
    """A prompt that instances are made for.

    Attributes:
        id: Content id.
        text: The prompt.
        source: File or data set that it is from.
        place: Row of the prompt there.
        domains: The domains that it touches.
        group: The smallest id of its near-duplicates at the radius of the split.
    """

    id: str
    text: str
    source: str
    place: str
    domains: Domains
    group: str


class PreviousPrompt(Record):
    """A prompt of the data set that was built before.

    Attributes:
        id: Content id.
        group: As in ``KeptPrompt``.
    """

    id: str
    group: str


class Rejection(Record):
    """Why a response was rejected in a round.

    Attributes:
        side: Which response.
        round: The round.
        code: The kind of fault.
        reason: The fault.
    """

    side: ResponseName
    round: int
    code: str
    reason: str


class PairState(Record):
    """Both responses of a pair after a round of writing and judging (``rounds/GENERATOR/ROUND/SHARD.parquet``).

    Only pairs that were written in the round have a state of that round.

    Attributes:
        id: Id of the pair.
        drafts: The responses as they were last written, with their faults. All faults were found in this round: a
            response with a fault from an earlier round would have been written again.
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
    """What became of the pairs.

    Attributes:
        pairs: Prompts times generators.
        passed: Pairs of which both responses passed.
        passed_by_round: The same, by the round in which they passed.
        dropped: Pairs that did not pass.
        written: Responses written, by round.
        rejected: Rejections by round and kind of fault; a response may have several faults.
        dropped_for: Kinds of fault in the last drafts of the dropped pairs.
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
        prompts: Number of prompts by split.
        leaking: New prompts that are near-duplicates of old ones in different splits. They were dropped.
        balance: By domain.
    """

    prompts: dict[Split, int]
    leaking: tuple[str, ...]
    balance: dict[str, DomainBalance]
