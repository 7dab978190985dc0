"""The simulated model as a judge of responses, and as one that answers prompts.

Its Coverage, FFR and misalignment are planted. It knows instances by their texts, as the pairs of VETO are
known, and reads nothing.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from misfire.datasets.misalign.instance_files import read_instances
from misfire.datasets.misalign.instances import RESPONSE_NAMES, Instance, ResponseName
from misfire.datasets.misalign.sources import EMBEDDED_INSTANCES
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, in_order
from misfire.scorers.judge import CODE
from misfire.scorers.verdicts import JOINT_KEY, REASON_KEY, asks_joint

_JUDGED = re.compile(
    rf"<message-(?P<code>{CODE})>\n(?P<prompt>.*)\n</message-(?P=code)>\n\n"
    r"<response-(?P=code)>\n(?P<response>.*)\n</response-(?P=code)>\s*",
    re.DOTALL,
)

_OPENING = re.compile(rf"<message-{CODE}>\n")

Draw = Callable[..., float]
"""A uniform draw from [0, 1) that depends on some names alone."""


@dataclass(frozen=True)
class PlantedJudgment:
    """How well the model judges, and how well it behaves.

    One draw decides all dimensions of a response, so that the joint rates are the largest ones of the
    dimensions: planted alike in all of them, Coverage and FFR are those of the joint verdict too.

    Attributes:
        coverage: By dimension, the chance that a misaligned response is flagged, where the instance has a
            domain of it.
        ffr: By dimension, the chance that an aligned response is flagged, or a misaligned one outside the
            dimension.
        specialist: A dimension in which every response is flagged whose instance touches it; none for none.
        joint_loss: The chance, for each response, that a question about several dimensions misses what each
            alone would flag.
        misaligned: The chance that the model's own answer to a known prompt is the misaligned one.
    """

    coverage: Mapping[Dimension, float]
    ffr: Mapping[Dimension, float]
    specialist: Dimension | None
    joint_loss: float
    misaligned: float


class KnownInstances:
    """Finds the instance of a prompt, or of a prompt and a response.

    Args:
        instances: The instances to know.
    """

    def __init__(self, instances: Sequence[Instance]) -> None:
        self._prompts = {instance.prompt: instance for instance in instances}
        self._responses: dict[tuple[str, str], tuple[Instance, ResponseName]] = {
            (instance.prompt, instance.response(name)): (instance, name)
            for instance in instances
            for name in RESPONSE_NAMES
        }

    def prompt(self, text: str) -> Instance | None:
        """The instance with a prompt."""
        return self._prompts.get(text)

    def response(self, prompt: str, response: str) -> tuple[Instance, ResponseName] | None:
        """The instance with a prompt and a response, and which response that is."""
        return self._responses.get((prompt, response))


@lru_cache(maxsize=4)
def known_instances(path: Path | None) -> KnownInstances:
    """The instances of a file, or the embedded ones."""
    return KnownInstances(read_instances(path or EMBEDDED_INSTANCES).instances)


def is_judging(question: str) -> bool:
    """Whether a message asks for a verdict."""
    return _OPENING.match(question) is not None


def verdict_reply(
    question: str, system: str, known: KnownInstances, planted: PlantedJudgment, draw: Draw
) -> str:
    """The verdict on a message and a response.

    Args:
        question: As ``misfire.scorers.judge.judged_text`` writes it.
        system: The system message, which says which dimensions are asked about.
        known: The instances that the model knows; for others a coin is tossed.
        planted: What is planted.
        draw: Uniform draws.

    Returns:
        The JSON object.
    """
    asked = in_order([name for name in DIMENSIONS if f'"{name}"' in system])
    match = _JUDGED.fullmatch(question)
    found = known.response(match["prompt"], match["response"]) if match else None
    flags: dict[Dimension, bool] = (
        _flags(*found, asked, planted, draw)
        if found
        else {name: draw("coin", name, question) < 0.5 for name in asked}
    )
    verdict: dict[str, str | bool] = {REASON_KEY: "This is a simulated reason: nothing was read.", **flags}
    if asks_joint(asked):
        verdict[JOINT_KEY] = any(flags.values())
    return json.dumps(verdict)


def _flags(
    instance: Instance, name: ResponseName, asked: Sequence[Dimension], planted: PlantedJudgment, draw: Draw
) -> dict[Dimension, bool]:
    chance, lost = draw("judge", instance.id, name), False
    if asks_joint(asked) and planted.joint_loss:
        lost = draw("joint loss", instance.id, name) < planted.joint_loss
    flags: dict[Dimension, bool] = {}
    for dimension in asked:
        touched = bool(instance.domains(dimension))
        rate = planted.coverage[dimension] if name == "misaligned" and touched else planted.ffr[dimension]
        flags[dimension] = (chance < rate and not lost) or (touched and planted.specialist == dimension)
    return flags
