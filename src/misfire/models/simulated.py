"""A simulated model: it answers known pairs with planted MAR and BR, so that the suite can be tried and checked without a model.

It reads nothing and understands nothing. Its answers are fixed by its seed and the half that is asked about, whatever the order or
concurrency of the calls.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist

import anyio
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from misfire.datasets.cues import CUES, recognise_cue
from misfire.datasets.misalign.taxonomy import DIMENSIONS, resolve_dimension
from misfire.datasets.pair_files import read_pairs
from misfire.datasets.pairs import HALF_NAMES, Answer, HalfName, Pair
from misfire.datasets.sources import load_pairs
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.models.rates import check_number, rates_by_name
from misfire.models.simulated_judge import PlantedJudgement, is_judging, known_instances, verdict_reply
from misfire.scorers.answers import GivenAnswer
from misfire.scorers.probes import Probe, allowed_answers

CONCURRENCY = 100
"""Calls at a time: a simulated one costs nothing."""

_TOKEN = 4
"""So many characters count as one token in the usage that is reported."""


class PlantedRates:
    """The joint outcome of a pair's halves that gives planted conditional rates.

    With ``e`` the share of pairs that both halves fail, the others split so that c / (a + c) = mar and b / (a + b) = br (cells as in
    arXiv 2606.18656, section 2): a : b : c = 1 : br / (1 - br) : mar / (1 - mar).

    Attributes:
        a: Probability that both halves are right.
        b: Probability that only the contrast half is wrong.
        c: Probability that only the stereotyped half is wrong.
    """

    def __init__(self, mar: float, br: float, both_wrong: float) -> None:
        odds_b, odds_c = br / (1 - br), mar / (1 - mar)
        self.a = (1 - both_wrong) / (1 + odds_b + odds_c)
        self.b = self.a * odds_b
        self.c = self.a * odds_c

    def right(self, half: HalfName, draw: float) -> bool:
        """Whether a half is answered rightly, for the draw that its pair has in common.

        Args:
            half: Which half.
            draw: The pair's uniform draw from [0, 1).

        Returns:
            True in cells a and b for the stereotyped half, in a and c for the contrast half.
        """
        if draw < self.a:
            return True
        if draw < self.a + self.b:
            return half == "stereotyped"
        if draw < self.a + self.b + self.c:
            return half == "contrast"
        return False

    def share_right(self, half: HalfName) -> float:
        """How often a half is answered rightly."""
        return self.a + (self.b if half == "stereotyped" else self.c)


class PlantedEffects:
    """What cues do to the halves that carry them.

    Attributes:
        mar: By cue, the MAR that it gives where it stands beside the stereotyped half; other cues leave MAR as it is. A MAR below the
            base's is had by mending wrong stereotyped halves at random, also those of pairs that both halves fail.
        shift: By cue, the chance that it turns a right answer into a wrong one, on whichever half it stands beside: a general leaning
            towards "no".
    """

    def __init__(self, mar: dict[str, float], shift: dict[str, float]) -> None:
        self.mar = mar
        self.shift = shift

    def right(self, right: bool, cue: str, half: HalfName, base_mar: float, draws: tuple[float, float]) -> bool:
        """Whether a half is answered rightly with a cue beside it.

        Args:
            right: Whether it is without the cue.
            cue: The cue.
            half: Which half.
            base_mar: Planted MAR without a cue.
            draws: Two uniform draws from [0, 1), of this half and cue.

        Returns:
            The outcome after the effect on misfiring, then the shift.
        """
        wanted = self.mar.get(cue, base_mar)
        if half == "stereotyped" and wanted > base_mar and draws[0] < (wanted - base_mar) / (1 - base_mar):
            right = False
        if half == "stereotyped" and wanted < base_mar and draws[0] < (base_mar - wanted) / base_mar:
            right = True
        return right and draws[1] >= self.shift.get(cue, 0.0)


@dataclass(frozen=True)
class PlantedLeanings:
    """How a model errs besides misfiring: what controls are there to find.

    Attributes:
        no_bias: By half, the chance that the model says "no" where "yes" is right and it would have said so. It is the size of a shift of
            its criterion in that context: where "no" is right, a "yes" said in error is turned to "no" as often as leaves d′ as it is.
        blind: By half, the chance that the model does not read that context of a pair, and tosses a coin for whatever is asked about it.
        slip: The chance of an answer other than the one it means, for each prompt.
        unfounded_yes: By half, the chance of "yes" where there is no evidence; "unknown" else.
    """

    no_bias: Mapping[HalfName, float]
    blind: Mapping[HalfName, float]
    slip: float
    unfounded_yes: Mapping[HalfName, float]

    def silenced(self, half: HalfName, target: Answer, right: float) -> float:
        """The chance that a "yes" becomes "no".

        Args:
            half: In which context.
            target: The right answer.
            right: How often the model means "yes" where it is right in that context; it never means it where it is wrong.

        Returns:
            ``no_bias`` where "yes" is right; else what makes the rates of "yes" where it is right and where it is wrong go down by the
            same amount in probits.
        """
        lost = self.no_bias[half]
        hits, false_alarms = self._yes(half, right), self._yes(half, 0.0)
        if target == "yes" or lost in {0, 1} or not 0 < false_alarms < 1 or not 0 < hits < 1:
            return lost
        normal = NormalDist()
        shift = normal.inv_cdf(hits * (1 - lost)) - normal.inv_cdf(hits)
        return 1 - normal.cdf(normal.inv_cdf(false_alarms) + shift) / false_alarms

    def _yes(self, half: HalfName, meant: float) -> float:
        """How often "yes" is said, before any leaning, where it is meant so often and the context is read."""
        read = 1 - self.blind[half]
        return read * (meant * (1 - self.slip) + (1 - meant) * self.slip) + self.blind[half] / 2


@dataclass(frozen=True)
class KnownPrompt:
    """A prompt that the model knows.

    Attributes:
        pair: Its pair.
        half: Which half it is, or controls.
        probe: Whether it is the half itself or which control (never ``three_way``, whose prompt is the half's).
        prompt: Its text.
    """

    pair: Pair
    half: HalfName
    probe: Probe
    prompt: str


class KnownHalves:
    """Finds which half, or which of its controls, a message asks about.

    Args:
        pairs: The pairs to know.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        prompts = [prompt for pair in pairs for prompt in _prompts(pair)]
        # where texts are alike a half goes before a control, and later pairs before earlier ones
        prompts.sort(key=lambda known: known.probe == "evidence")
        self._prompts: dict[str, KnownPrompt] = {known.prompt: known for known in prompts}

    def find(self, text: str) -> KnownPrompt | None:
        """The prompt that stands in a text.

        Args:
            text: A user message: the prompt, perhaps with other text before or behind it.

        Returns:
            The prompt; where several stand in the text, the last and longest. None if none does.
        """
        first = text.partition("\n\n")[0]
        if first in self._prompts:
            return self._prompts[first]
        ends = ((place + len(prompt), len(prompt), prompt) for prompt in self._prompts if (place := text.rfind(prompt)) >= 0)
        _, _, prompt = max(ends, default=(0, 0, ""))
        return self._prompts.get(prompt)


def _prompts(pair: Pair) -> list[KnownPrompt]:
    known = [KnownPrompt(pair, name, "evidence", half.prompt) for name, half in pair.halves]
    if pair.controls is not None:
        known += [KnownPrompt(pair, name, "foil", foil.prompt) for name, foil in pair.controls.foils]
        known += [KnownPrompt(pair, name, "ambiguous", prompt) for name, prompt in pair.controls.ambiguous]
    return known


class SimulatedModel(ModelAPI):
    """Inspect model provider ``simulated/model``: no network, no weights, planted behaviour.

    Args:
        model_name: Any name; it stands in the log as ``simulated/<name>``.
        base_url: Not used.
        api_key: Not used.
        config: Inspect's.
        pairs: File with the pairs that the model knows, with controls or without (as written by ``misfire pairs``); none for the
            embedded pairs.
        mar: Planted MAR, conditional, 0 to below 1.
        br: Planted BR, conditional, 0 to below 1.
        both_wrong: Planted share of pairs that both halves fail.
        invalid: Chance, for each half, of an invalid reply instead: a refusal, a reply without an answer, or one cut off.
        cue_mar: Planted MAR by priming cue, for example ``published:0.37,neutral:0.12``.
        cue_shift: Planted leaning towards the wrong answer by priming cue, on the halves that carry it, in the same form.
        no_bias: Chance, for each question whose answer is "yes", of "no" instead: a shift of the criterion (``PlantedLeanings``).
        no_bias_stereotyped: The same, in contexts whose evidence points at the stereotyped person alone.
        blind: Chance, for each half of each pair, that its evidence is not read and a coin is tossed instead, also for its foil.
        blind_stereotyped: The same, for stereotyped halves alone.
        slip: Chance of a random wrong answer to any prompt.
        unfounded_yes: Chance of "yes" without evidence, else "unknown": one for both halves, or ``stereotyped:0.3,contrast:0.1``.
        coverage: As a judge, by dimension: chance to flag a misaligned response (``PlantedJudgement``); one for all, or
            ``safety:0.9,value:0.7``.
        ffr: As a judge, by dimension: chance to flag an aligned response, in the same form.
        specialist: As a judge, a dimension in which it flags every response whose instance touches it.
        joint_loss: As a judge, chance to miss, when asked about several dimensions at once, what it would flag in each alone.
        misaligned: Chance that its own answer to a known prompt is the misaligned one.
        instances: File with the instances that it knows; none for the embedded ones.
        p_yes: Chance of "yes" to a prompt that the model does not know.
        latency: Seconds that every call takes.
        seed: Of all draws.

    Raises:
        InputError: A parameter is unknown, no number, or out of range; or the pair file cannot be used.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's own signature)
        pairs: str | None = None,
        mar: float = 0.12,
        br: float = 0.03,
        both_wrong: float = 0.0,
        invalid: float = 0.0,
        cue_mar: str | list[str] | None = None,
        cue_shift: str | list[str] | None = None,
        no_bias: float = 0.0,
        no_bias_stereotyped: float = 0.0,
        blind: float = 0.0,
        blind_stereotyped: float = 0.0,
        slip: float = 0.0,
        unfounded_yes: float | str | list[str] = 0.0,
        coverage: float | str | list[str] = 0.8,
        ffr: float | str | list[str] = 0.18,
        specialist: str | None = None,
        joint_loss: float = 0.0,
        misaligned: float = 0.1,
        instances: str | None = None,
        p_yes: float = 0.5,
        latency: float = 0.0,
        seed: int = 1,
        **unknown: object,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        if unknown:
            raise InputError(f"simulated/{model_name} takes no -M {', '.join(unknown)}. It takes {', '.join(_PARAMETERS)}.")
        for name, value, top in (("mar", mar, 0.999), ("br", br, 0.999), ("both_wrong", both_wrong, 1), ("invalid", invalid, 1)):
            check_number(name, value, top)
        leanings = {"no_bias": no_bias, "no_bias_stereotyped": no_bias_stereotyped, "blind": blind, "blind_stereotyped": blind_stereotyped}
        for name, value in {**leanings, "slip": slip, "p_yes": p_yes, "joint_loss": joint_loss, "misaligned": misaligned}.items():
            check_number(name, value, 1)
        check_number("latency", latency, 3600)
        if isinstance(seed, bool) or not isinstance(seed, int):  # pyright: ignore[reportUnnecessaryIsInstance] (the command line gives any type)
            raise InputError(f"simulated model: -M seed={seed} is not a whole number.")
        self.rates = PlantedRates(mar, br, both_wrong)
        self.invalid, self.p_yes, self.latency, self.seed = invalid, p_yes, latency, seed
        self.halves = _known_halves(user_path(pairs) if pairs else None)
        self.leanings = PlantedLeanings(
            {"stereotyped": _either(no_bias, no_bias_stereotyped), "contrast": no_bias},
            {"stereotyped": _either(blind, blind_stereotyped), "contrast": blind},
            slip,
            rates_by_name("unfounded_yes", unfounded_yes, HALF_NAMES),
        )
        self.judgement = PlantedJudgement(
            rates_by_name("coverage", coverage, DIMENSIONS),
            rates_by_name("ffr", ffr, DIMENSIONS),
            resolve_dimension(specialist) if specialist else None,
            joint_loss,
            misaligned,
        )
        self.instances = user_path(instances) if instances else None
        if self.instances:
            known_instances(self.instances)  # a file that cannot be used is refused before the first call
        self.base_mar = mar
        self.effects = PlantedEffects(_by_cue("cue_mar", cue_mar, 0.999), _by_cue("cue_shift", cue_shift, 1))
        self.call_log: list[str] = []
        """The text of every user message that was answered, in order."""

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Reply to the last user message."""
        if self.latency:
            await anyio.sleep(self.latency)
        question = next((message.text for message in reversed(input) if message.role == "user"), "")
        self.call_log.append(question)
        reply, stop_reason = self.reply(question, "\n".join(message.text for message in input if message.role == "system"))
        read = sum(len(message.text) for message in input) // _TOKEN + 1
        written = len(reply) // _TOKEN + 1
        return ModelOutput(
            model=f"simulated/{self.model_name}",
            choices=[
                ChatCompletionChoice(
                    message=ChatMessageAssistant(content=reply, model=f"simulated/{self.model_name}", source="generate"),
                    stop_reason=stop_reason,
                )
            ],
            usage=ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written),
            metadata={"simulated": True},
        )

    def reply(self, question: str, system: str = "") -> tuple[str, StopReason]:
        """The reply to a question, and why it stops.

        Args:
            question: Text of the user message.
            system: Text of the system messages, where a cue may stand.

        Returns:
            The text, and Inspect's stop reason.
        """
        if is_judging(question):
            return self._invalid("judge", question, system) or (
                verdict_reply(question, system, known_instances(self.instances), self.judgement, self._draw),
                "stop",
            )
        instance = known_instances(self.instances).prompt(question)
        if instance is not None:
            return instance.response("misaligned" if self._happens(self.judgement.misaligned, "answer", instance.id) else "aligned"), "stop"
        known = self.halves.find(question)
        if known is None:
            yes = self._draw("coin", question) < self.p_yes
            return _answer("yes" if yes else "no", question), "stop"
        pair, half, around = known.pair, known.half, f"{system}\n{question.replace(known.prompt, ' ')}"
        probe: Probe = "three_way" if known.probe == "evidence" and '"unknown"' in around else known.probe
        cue = recognise_cue(around, pair) if probe == "evidence" else None
        # an uncued half must draw as it always did, whatever cues and controls the run has beside it
        names = (pair.id, half, *(() if cue is None else (cue,)), *(() if probe == "evidence" else (probe,)))
        return self._invalid(*names) or (_answer(self._answer_to(known, probe, cue, names), question), "stop")

    def _invalid(self, *names: str) -> tuple[str, StopReason] | None:
        """One of the replies that hold no answer, as often as is planted."""
        kind = self._draw("invalid", *names)
        return _INVALID_REPLIES[int(kind / self.invalid * len(_INVALID_REPLIES))] if kind < self.invalid else None

    def _answer_to(self, known: KnownPrompt, probe: Probe, cue: str | None, names: tuple[str, ...]) -> GivenAnswer:
        """The answer that the model means, and what its leanings make of it."""
        pair, half, leanings = known.pair, known.half, self.leanings
        if probe == "ambiguous":
            unfounded = self._happens(leanings.unfounded_yes[half], "unfounded", *names)
            return self._slipped("yes" if unfounded else "unknown", probe, names)
        target: Answer = "no" if probe == "foil" else dict(pair.halves)[half].target
        if self._happens(leanings.blind[half], "blind", pair.id, half):
            answer: GivenAnswer = "yes" if self._happens(0.5, "unread", *names) else "no"
        else:
            right = probe == "foil" or self.rates.right(half, self._draw("pair", pair.id))
            if cue is not None:
                right = self.effects.right(right, cue, half, self.base_mar, (self._draw("effect", *names), self._draw("shift", *names)))
            answer = self._slipped(target if right else _other(target), probe, names)
        silenced = answer == "yes" and self._happens(leanings.silenced(half, target, self.rates.share_right(half)), "no bias", *names)
        return "no" if silenced else answer

    def _slipped(self, meant: GivenAnswer, probe: Probe, names: tuple[str, ...]) -> GivenAnswer:
        if not self._happens(self.leanings.slip, "slip", *names):
            return meant
        others: list[GivenAnswer] = [word for word in allowed_answers(probe).words if word != meant]
        return others[int(self._draw("slip to", *names) * len(others))]

    def _happens(self, chance: float, *names: str) -> bool:
        return chance > 0 and self._draw(*names) < chance

    def max_connections(self) -> int:
        """Calls at a time that Inspect may make."""
        return CONCURRENCY

    def _draw(self, *names: str) -> float:
        """A uniform draw from [0, 1) that depends on the seed and the names alone."""
        digest = hashlib.sha256("\x1f".join((str(self.seed), *names)).encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:7]) / 2**56


_PARAMETERS = (
    *("pairs", "mar", "br", "both_wrong", "invalid", "cue_mar", "cue_shift"),
    *("no_bias", "no_bias_stereotyped", "blind", "blind_stereotyped", "slip", "unfounded_yes", "p_yes", "latency", "seed"),
    *("coverage", "ffr", "specialist", "joint_loss", "misaligned", "instances"),
)

_INVALID_REPLIES: tuple[tuple[str, StopReason], ...] = (
    ("I'm sorry, but I can't help with that.", "stop"),
    ("", "content_filter"),
    ("The passage leaves room for more than one reading.", "stop"),
    ('{"ans', "max_tokens"),
)


@lru_cache(maxsize=4)
def _known_halves(path: Path | None) -> KnownHalves:
    return KnownHalves(read_pairs(path) if path else load_pairs("embedded", controls=True).pairs)


def _answer(answer: str, question: str) -> str:
    reply = f'{{"answer": "{answer}"}}'
    return f"This is simulated reasoning: no passage was read.\n{reply}" if "step by step" in question else reply


def _other(answer: Answer) -> Answer:
    return "no" if answer == "yes" else "yes"


def _by_cue(name: str, given: str | list[str] | None, top: float) -> dict[str, float]:
    """Rates by cue from ``published:0.37,neutral:0.12``, in whichever form the command line splits that."""
    rates: dict[str, float] = {}
    for item in given if isinstance(given, list) else [] if given is None else str(given).split(","):
        cue, _, rate = str(item).partition(":")
        try:
            rates[cue.strip()] = float(rate)
        except ValueError as error:
            raise InputError(f"simulated model: -M {name}={item} is not of the form cue:rate, for example published:0.37.") from error
        if cue.strip() not in CUES or cue.strip() == "file":
            raise InputError(f"simulated model: -M {name} names the cue '{cue}'; it knows {', '.join(CUES[:-1])}.")
        check_number(f"{name}, {cue}", rates[cue.strip()], top)
    return rates


def _either(one: float, other: float) -> float:
    """The chance of one or the other, which are independent."""
    return 1 - (1 - one) * (1 - other)
