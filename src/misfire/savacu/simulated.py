"""Simulated models for all roles of the SaVaCu build, with planted noise and failures.

They need no network and no weights.

These models do not understand text. The classifier reads the labels of prompts from a file. The writer and
the generators compose sentences from a fixed set of words. The evaluator looks for markers that the generator
put in its reply. All random draws depend only on the seed, the name of the model, and the messages, not on
the order of the calls, so the expected results can be computed in advance.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, cast

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

from misfire.datasets.misalign.instances import ResponseName
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, domains
from misfire.errors import InputError
from misfire.savacu.calls import Message, ModelReply
from misfire.savacu.known_labels import KnownLabels, read_labels
from misfire.savacu.prompting.classify import all_domains, question
from misfire.savacu.prompts import content_id
from misfire.savacu.recipe import LabeledFile

ROLES = ("classifier", "writer", "generator", "evaluator")
"""The roles. The name of a model begins with its role."""

CONCURRENCY = 100

FAULTS: tuple[str, ...] = (
    "empty",
    "cut_off",
    "refusal",
    "copy",
    "language",
    "too_short",
    "usable_detail",
    "near_partner",
    "contrary",
)
"""The faults that a generator can be set to make. "contrary" is a response that takes the opposite side of
the one requested."""

_STOCK: dict[str, tuple[str, ...]] = {
    "who": (
        "The neighbour",
        "Your sister",
        "The teacher",
        "A good friend",
        "The manager",
        "Our guide",
        "The doctor",
        "A stranger",
        "The baker",
    ),
    "does": (
        "would look at",
        "should think about",
        "can talk over",
        "may leave aside",
        "ought to weigh",
        "could begin with",
        "will remember",
    ),
    "what": (
        "the long road",
        "this small garden",
        "an open window",
        "the winter market",
        "that old promise",
        "a quiet evening",
        "the first letter",
    ),
    "how": (
        "before the rain comes",
        "with both hands",
        "once a week",
        "without any hurry",
        "after the meeting",
        "on a clear morning",
        "in plain words",
    ),
}

_STANDS = re.compile(r"\bThis is a simulated (aligned|misaligned) reply\b")
_REQUEST = re.compile(r"<request>\n(.*?)\n</request>", re.DOTALL)
_REPLY = re.compile(r"<reply>\n(.*?)\n</reply>", re.DOTALL)
_TOPIC = re.compile(r"^Topic: (.+?) \((safety|value|culture)\)\.", re.MULTILINE)
_WRITTEN = re.compile(r"simulated topic (\w+)")


class SimulatedRole:
    """One simulated model in one role. It is pure, so any engine can serve it.

    Args:
        name: Name of the model, which begins with its role. Generators with different names write different
            texts.
        labels: The domains that each prompt touches, for the classifier.
        miss: Classifier: probability that a domain that the prompt touches gets a probability below 0.5.
            Evaluator: probability that a misaligned response is judged aligned.
        false_alarm: Classifier: probability that a domain that the prompt does not touch gets a probability
            of 0.5 or more. Evaluator: probability that an aligned response is judged misaligned.
        unreadable: Probability that a reply of the classifier or evaluator cannot be parsed.
        faults: Probability of each kind of fault in a response of a generator.
        astray: Writer: probability that a new prompt does not touch its domain.
        seed: Seed of all random draws.
    """

    def __init__(
        self,
        name: str,
        *,
        labels: KnownLabels | None = None,
        miss: float = 0.0,
        false_alarm: float = 0.0,
        unreadable: float = 0.0,
        faults: Mapping[str, float] | None = None,
        astray: float = 0.0,
        seed: int = 1,
    ) -> None:
        role = next((role for role in ROLES if name.startswith(role)), None)
        if role is None:
            raise InputError(
                f"simulated-savacu/{name}: the name should begin with a role: {', '.join(ROLES)}."
            )
        self.role, self.name, self.seed = role, name, seed
        self.labels: KnownLabels = labels or {}
        self.miss, self.false_alarm, self.unreadable, self.astray = miss, false_alarm, unreadable, astray
        self.faults = dict(faults or {})
        if unknown := [fault for fault in self.faults if fault not in FAULTS]:
            raise InputError(
                f"simulated-savacu/{name}: '{unknown[0]}' is not a fault. Faults: {', '.join(FAULTS)}."
            )
        rates = {
            "miss": miss,
            "false_alarm": false_alarm,
            "unreadable": unreadable,
            "astray": astray,
            "faults": sum(self.faults.values()),
        }
        if wrong := [rate for rate, value in rates.items() if not 0 <= value <= 1]:
            raise InputError(f"simulated-savacu/{name}: {wrong[0]} must be a probability from 0 to 1.")

    def reply(self, messages: Sequence[Message], *, logprobs: bool = False) -> ModelReply:
        """Reply to messages.

        Args:
            messages: The messages.
            logprobs: Whether to return log-probabilities of the first token.
        """
        system = "\n".join(message.text for message in messages if message.role == "system")
        said = next((message.text for message in reversed(messages) if message.role == "user"), "")
        match self.role:
            case "classifier":
                return self._answer_question(said) if logprobs else self._scores(said)
            case "writer":
                return ModelReply(text=self._new_prompt(said))
            case "generator":
                return self._response(said, "misaligned" if "misaligned" in system else "aligned")
            case _:
                return self._verdict(said)

    def probability(self, request: str, domain_id: str) -> float:
        """Return the probability of a domain.

        It is at least 0.5 if the classifier finds that the prompt touches the domain, otherwise below 0.5.
        """
        name = content_id(request)
        held = self._held(request, name, domain_id)
        wrong = self._draw("classified", name, domain_id) < (self.miss if held else self.false_alarm)
        share = self._draw("probability", name, domain_id)
        return 0.5 + share / 2 if held != wrong else share * 0.499

    def fault_of(self, said: str, side: ResponseName) -> str | None:
        """Draw the fault of a response; None for a response without a fault.

        Args:
            said: The user message.
            side: Whether the response should be aligned or misaligned.
        """
        draw = self._draw("fault", said, side)
        for fault, chance in self.faults.items():
            if draw < chance:
                again = "was rejected" in said
                return None if fault == "near_partner" and (side == "aligned" or again) else fault
            draw -= chance
        return None

    def _held(self, request: str, name: str, domain_id: str) -> bool:
        if name in self.labels:
            return any(domain_id in held for held in self.labels[name].values())
        written = _WRITTEN.search(request)
        return written is not None and written[1] == domain_id

    def _answer_question(self, said: str) -> ModelReply:
        request = _REQUEST.search(said)
        domain_id = _questions().get(said.rpartition("\n\n")[2])
        if request is None or domain_id is None or self._draw("unreadable", said) < self.unreadable:
            return ModelReply(text="Well", stop="length", first_token=(("Well", -0.01), ("So", -5.0)))
        probability = min(max(self.probability(request[1], domain_id), 1e-6), 1 - 1e-6)
        # one tenth of the probability is on another word, and "yes" has two spellings
        tokens = {
            "Yes": 0.6 * probability * 0.9,
            " yes": 0.4 * probability * 0.9,
            "No": (1 - probability) * 0.9,
            "The": 0.1,
        }
        ranked = sorted(
            ((token, math.log(mass)) for token, mass in tokens.items()), key=lambda pair: -pair[1]
        )
        return ModelReply(
            text="Yes" if probability >= 0.5 else "No", stop="length", first_token=tuple(ranked)
        )

    def _scores(self, said: str) -> ModelReply:
        request = _REQUEST.search(said)
        dimension = next(
            (dimension for dimension in DIMENSIONS if domains(dimension)[0].definition in said), None
        )
        if request is None or dimension is None or self._draw("unreadable", said) < self.unreadable:
            return ModelReply(text="I would say that it touches several.")
        scores = {
            str(number): round(100 * self.probability(request[1], domain.id), 4)
            for number, domain in enumerate(domains(dimension), start=1)
        }
        return ModelReply(text=f"```json\n{json.dumps(scores)}\n```")

    def _new_prompt(self, said: str) -> str:
        topic = _TOPIC.search(said)
        named = {domain.name: domain.id for domain in domains(cast("Dimension", topic[2]))} if topic else {}
        off = self._draw("astray", said) < self.astray
        subject = "something else" if off or topic is None else f"the simulated topic {named[topic[1]]}"
        return f"What do you make of this, which is about {subject}? {self._sentences(3, 'request', said)}"

    def _response(self, said: str, side: ResponseName) -> ModelReply:
        fault = self.fault_of(said, side)
        request = _REQUEST.search(said)
        stands = side if fault != "contrary" else "misaligned" if side == "aligned" else "aligned"
        text = (
            f"{self._sentences(5, 'aligned' if fault == 'near_partner' else side, said)} This is a "
            f"simulated {stands} reply."
        )
        match fault:
            case "empty":
                return ModelReply(text="")
            case "cut_off":
                return ModelReply(text=text[:60], stop="length")
            case "refusal":
                return ModelReply(text="I'm sorry, but I can't help with that.")
            case "copy":
                return ModelReply(text=request[1] if request else said)
            case "language":
                return ModelReply(
                    text=(
                        "Das kann ich so nicht sagen, denn darüber müssten wir erst einmal in Ruhe "
                        "miteinander sprechen."
                    )
                )
            case "too_short":
                return ModelReply(text="Perhaps so.")
            case "usable_detail":
                return ModelReply(text=f"{text} See https://example.invalid for more.")
            case _:
                return ModelReply(text=text)

    def _verdict(self, said: str) -> ModelReply:
        reply = _REPLY.search(said)
        stands = _STANDS.search(reply[1]) if reply else None
        if stands is None or self._draw("unreadable", said) < self.unreadable:
            return ModelReply(text="It is hard to say.")
        wrong = self._draw("judged", said) < (self.miss if stands[1] == "misaligned" else self.false_alarm)
        verdict = stands[1] if not wrong else "aligned" if stands[1] == "misaligned" else "misaligned"
        reason = f"The reply says of itself that it is {stands[1]}."
        return ModelReply(text=json.dumps({"verdict": verdict, "usable_harm": False, "reason": reason}))

    def _sentences(self, count: int, *names: str) -> str:
        parts = [
            [stock[int(self._draw(kind, str(at), *names) * len(stock))] for kind, stock in _STOCK.items()]
            for at in range(count)
        ]
        return " ".join(" ".join(words) + "." for words in parts)

    def _draw(self, *names: str) -> float:
        """Draw a number uniformly from [0, 1)."""
        digest = hashlib.sha256(
            "\x1f".join((str(self.seed), self.name, *names)).encode("utf-8", "surrogatepass")
        ).digest()
        return int.from_bytes(digest[:7]) / 2**56


class SimulatedSavacu(ModelAPI):
    """Inspect model provider ``simulated-savacu/<name>``.

    Its ``-M`` arguments include those of ``SimulatedRole``.

    Args:
        model_name: Name of the model, which begins with its role: classifier, writer, generator, or
            evaluator.
        base_url: Not used.
        api_key: Not used.
        config: Generation settings from Inspect.
        labels: File with labeled prompts for the classifier.
        columns: Columns of this file, if they are not named prompt, safety, value, and culture:
            ``prompt:text,safety:safety_name``.
        faults: Probabilities of the faults of a generator: ``refusal:0.05,contrary:0.1``.
        calls: File to which each call appends a line with the name of the model and a hash of the messages.
        latency: Duration of each call in seconds.
        given: Further arguments for ``SimulatedRole``.

    Raises:
        InputError: An argument is unknown or out of range, or the file of labels cannot be used.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's own signature)
        labels: str | None = None,
        columns: str | list[str] | None = None,
        faults: str | list[str] | None = None,
        calls: str | None = None,
        latency: float = 0.0,
        **given: Any,  # noqa: ANN401 (the command line gives any type)
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self.role = simulated_role(model_name, labels=labels, columns=columns, faults=faults, **given)
        self.calls, self.latency = calls, latency

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Reply to the messages."""
        if self.latency:
            await anyio.sleep(self.latency)
        messages = [
            Message(role=message.role, text=message.text)
            for message in input
            if message.role in ("system", "user")
        ]
        if self.calls:
            digest = hashlib.sha256("\x1f".join(message.text for message in messages).encode()).hexdigest()
            with open(self.calls, "a", encoding="utf-8") as file:  # noqa: PTH123 (one short line)
                file.write(f"{self.model_name} {digest}\n")
        reply = self.role.reply(messages, logprobs=bool(config.logprobs))
        stops: dict[str, StopReason] = {"stop": "stop", "length": "max_tokens", "refused": "content_filter"}
        top = [TopLogprob(token=token, logprob=logprob) for token, logprob in reply.first_token or ()]
        logprobs = (
            Logprobs(content=[Logprob(token=top[0].token, logprob=top[0].logprob, top_logprobs=top)])
            if top
            else None
        )
        read, written = sum(len(message.text) for message in messages) // 4 + 1, len(reply.text) // 4 + 1
        message = ChatMessageAssistant(
            content=reply.text, model=f"simulated-savacu/{self.model_name}", source="generate"
        )
        return ModelOutput(
            model=f"simulated-savacu/{self.model_name}",
            choices=[ChatCompletionChoice(message=message, stop_reason=stops[reply.stop], logprobs=logprobs)],
            usage=ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written),
            metadata={"simulated": True},
        )

    def max_connections(self) -> int:
        """Maximum number of concurrent calls."""
        return CONCURRENCY


def simulated_role(
    name: str,
    *,
    labels: str | None = None,
    columns: str | list[str] | None = None,
    faults: str | list[str] | None = None,
    **given: Any,  # noqa: ANN401 (the command line gives any type)
) -> SimulatedRole:
    """Make a simulated model from arguments in the form of a command line or a recipe.

    Args:
        name: Name of the model, which begins with its role.
        labels: File with labeled prompts.
        columns: Columns of this file.
        faults: Probabilities of faults.
        given: Further arguments for ``SimulatedRole``.

    Raises:
        InputError: An argument is unknown or cannot be used.
    """
    known = ("miss", "false_alarm", "unreadable", "astray", "seed")
    if unknown := [key for key in given if key not in known]:
        raise InputError(
            f"simulated-savacu/{name} has no argument '{unknown[0]}'. Arguments: labels, columns, faults, "
            f"calls, latency, {', '.join(known)}."
        )
    table = _known_labels(labels, tuple(sorted(_pairs("columns", columns).items()))) if labels else None
    try:
        chances = {fault: float(chance) for fault, chance in _pairs("faults", faults).items()}
    except ValueError as error:
        raise InputError(
            f"simulated-savacu/{name}: faults should have the form refusal:0.05,contrary:0.1 ({error})."
        ) from error
    return SimulatedRole(name, labels=table, faults=chances, **given)


def _pairs(name: str, given: str | list[str] | None) -> dict[str, str]:
    items = (
        []
        if given is None
        else [str(item) for item in given]
        if isinstance(given, list)
        else given.split(",")
    )
    if bad := [item for item in items if ":" not in item]:
        raise InputError(f"simulated-savacu: {name}: '{bad[0]}' does not have the form name:value.")
    return {key.strip(): value.strip() for key, _, value in (item.partition(":") for item in items)}


@lru_cache(maxsize=2)
def _known_labels(path: str, columns: tuple[tuple[str, str], ...]) -> KnownLabels:
    return read_labels(LabeledFile(path=path, **dict(columns)))


@cache
def _questions() -> dict[str, str]:
    return {question(domain): domain.id for domain in all_domains()}
