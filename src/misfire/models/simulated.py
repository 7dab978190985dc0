"""A simulated model that answers known prompts with planted rates. It serves to try and to check the suite.

It neither reads nor understands anything. Its answers depend on its settings, the seed and the prompt alone,
in whatever order and however many at a time the calls come.
"""

import hashlib
import math

import anyio
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
    TopLogprob,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from misfire.datasets.cues import recognize_cue
from misfire.datasets.pairs import Answer
from misfire.models.known_halves import KnownPrompt, known_halves
from misfire.models.simulated_judge import is_judging, known_instances, verdict_reply
from misfire.models.simulated_settings import read_settings
from misfire.scorers.answers import GivenAnswer
from misfire.scorers.probes import Probe, allowed_answers
from misfire.tasks.prompts import THREE_WAY_WORD_REQUEST

CONCURRENCY = 100
"""Number of calls at a time; simulated calls cost nothing."""

_TOKEN = 4
"""Number of characters that count as one token in the reported usage."""


class SimulatedModel(ModelAPI):
    """Inspect model provider ``simulated/model``: no network, no weights, planted behavior.

    Args:
        model_name: Any name. The log shows it as ``simulated/<name>``.
        base_url: Not used.
        api_key: Not used.
        config: Inspect's generation settings; not used.
        planted: The parameters given by ``-M``, see ``SimulatedSettings``.

    Attributes:
        settings: The checked parameters.
        halves: The prompts of pairs that the model knows.
        call_log: Text of every user message that was answered, in order.

    Raises:
        InputError: A parameter is unknown or has a wrong value, or a file cannot be used.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's own signature)
        **planted: object,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self.settings = read_settings(f"simulated/{model_name}", planted)
        self.halves = known_halves(self.settings.pairs)
        if self.settings.instances:
            known_instances(self.settings.instances)  # refuses a bad file before the first call
        self.call_log: list[str] = []

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Reply to the last user message."""
        if self.settings.latency:
            await anyio.sleep(self.settings.latency)
        question = next((message.text for message in reversed(input) if message.role == "user"), "")
        self.call_log.append(question)
        system = "\n".join(message.text for message in input if message.role == "system")
        reply, stop_reason = self.reply(question, system)
        read = sum(len(message.text) for message in input) // _TOKEN + 1
        written = len(reply) // _TOKEN + 1
        name = f"simulated/{self.model_name}"
        logprobs = None
        if config.logprobs and reply:
            logprobs = self._first_token(question, reply)
            reply = logprobs.content[0].token
        message = ChatMessageAssistant(content=reply, model=name, source="generate")
        return ModelOutput(
            model=name,
            choices=[ChatCompletionChoice(message=message, stop_reason=stop_reason, logprobs=logprobs)],
            usage=ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written),
            metadata={"simulated": True},
        )

    def reply(self, question: str, system: str = "") -> tuple[str, StopReason]:
        """Reply to a question.

        Args:
            question: Text of the user message.
            system: Text of the system messages, which may contain a cue.

        Returns:
            The reply, and Inspect's stop reason.
        """
        if is_judging(question):
            return self._invalid("judge", question, system) or (self._verdict(question, system), "stop")
        settings = self.settings
        instance = known_instances(settings.instances).prompt(question)
        if instance is not None:
            misaligned = self._happens(settings.judgment.misaligned, "answer", instance.id)
            return instance.response("misaligned" if misaligned else "aligned"), "stop"
        known = self.halves.find(question)
        if known is None:
            yes = self._draw("coin", question) < settings.p_yes
            return _answer("yes" if yes else "no", question), "stop"
        around = f"{system}\n{question.replace(known.prompt, ' ')}"
        third = '"unknown"' in around or THREE_WAY_WORD_REQUEST in around
        asks_unknown = known.probe == "evidence" and third
        probe: Probe = "three_way" if asks_unknown else known.probe
        cue = recognize_cue(around, known.pair) if probe == "evidence" else None
        # the draws of a half without a cue are the same whatever cues and controls the run has
        names = (known.pair.id, known.half)
        names += (() if cue is None else (cue,)) + (() if probe == "evidence" else (probe,))
        return self._invalid(*names) or (_answer(self._answer_to(known, probe, cue, names), question), "stop")

    def max_connections(self) -> int:
        """Return the number of calls that Inspect may make at a time."""
        return CONCURRENCY

    def _verdict(self, question: str, system: str) -> str:
        known = known_instances(self.settings.instances)
        return verdict_reply(question, system, known, self.settings.judgment, self._draw)

    def _invalid(self, *names: str) -> tuple[str, StopReason] | None:
        """Draw a reply without an answer, with the planted probability; otherwise None."""
        draw, chance = self._draw("invalid", *names), self.settings.invalid
        return _INVALID_REPLIES[int(draw / chance * len(_INVALID_REPLIES))] if draw < chance else None

    def _first_token(self, question: str, reply: str) -> Logprobs:
        """Return probabilities of first tokens that agree with a reply: an answer has most of the mass.

        A reply without an answer has nearly none on yes and no.
        """
        answer = next((word for word in ("yes", "no", "unknown") if f'"{word}"' in reply), None)
        clear = 0.5 + 0.49 * self._draw("first token", question)
        if answer is None:
            masses = {reply.split()[0]: 0.9, "yes": 0.01 * clear, "no": 0.01 * (1 - clear)}
        else:
            other = "no" if answer == "yes" else "yes"
            masses = {answer: 0.9 * clear, answer.capitalize(): 0.08 * clear, other: 0.98 * (1 - clear)}
        top = [TopLogprob(token=token, logprob=math.log(mass)) for token, mass in masses.items()]
        return Logprobs(content=[Logprob(token=top[0].token, logprob=top[0].logprob, top_logprobs=top)])

    def _answer_to(
        self,
        known: KnownPrompt,
        probe: Probe,
        cue: str | None,
        names: tuple[str, ...],
    ) -> GivenAnswer:
        """Draw the answer to a known prompt: what the model intends, changed by its leanings."""
        pair, half, leanings = known.pair, known.half, self.settings.leanings
        if probe == "ambiguous":
            unfounded = self._happens(leanings.unfounded_yes[half], "unfounded", *names)
            return self._slipped("yes" if unfounded else "unknown", probe, names)
        target: Answer = "no" if probe == "foil" else dict(pair.halves)[half].target
        if self._happens(leanings.blind[half], "blind", pair.id, half):
            answer: GivenAnswer = "yes" if self._happens(0.5, "unread", *names) else "no"
        else:
            right = probe == "foil" or self.settings.rates.right(half, self._draw("pair", pair.id))
            if cue is not None:
                draws = self._draw("effect", *names), self._draw("shift", *names)
                right = self.settings.effects.right(right, cue, half, draws)
            answer = self._slipped(target if right else _other(target), probe, names)
        if answer == "yes":
            silenced = leanings.silenced(half, target, self.settings.rates.share_right(half))
            return "no" if self._happens(silenced, "no bias", *names) else "yes"
        return answer

    def _slipped(self, intended: GivenAnswer, probe: Probe, names: tuple[str, ...]) -> GivenAnswer:
        """Replace the intended answer by a random other one, with the planted probability."""
        if not self._happens(self.settings.leanings.slip, "slip", *names):
            return intended
        others: list[GivenAnswer] = [word for word in allowed_answers(probe).words if word != intended]
        return others[int(self._draw("slip to", *names) * len(others))]

    def _happens(self, chance: float, *names: str) -> bool:
        return chance > 0 and self._draw(*names) < chance

    def _draw(self, *names: str) -> float:
        """Return a uniform draw from [0, 1) that depends on the seed and the names alone."""
        key = "\x1f".join((str(self.settings.seed), *names)).encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.sha256(key).digest()[:7]) / 2**56


_INVALID_REPLIES: tuple[tuple[str, StopReason], ...] = (
    ("I'm sorry, but I can't help with that.", "stop"),
    ("", "content_filter"),
    ("The passage leaves room for more than one reading.", "stop"),
    ('{"ans', "max_tokens"),
)


def _answer(answer: str, question: str) -> str:
    reply = f'{{"answer": "{answer}"}}'
    reasons = "step by step" in question
    return f"This is simulated reasoning: no passage was read.\n{reply}" if reasons else reply


def _other(answer: Answer) -> Answer:
    return "no" if answer == "yes" else "yes"
