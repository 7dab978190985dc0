"""A simulated model: it answers known pairs with planted MAR and BR, so that the suite can be tried and checked without a model.

It reads nothing and understands nothing. Its answers are fixed by its seed and the half that is asked about, whatever the order or
concurrency of the calls.
"""

import hashlib
from functools import lru_cache

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

from misfire.datasets.pair_files import read_pairs
from misfire.datasets.pairs import Answer, HalfName, Pair
from misfire.datasets.paths import user_path
from misfire.datasets.sources import EMBEDDED_PAIRS
from misfire.errors import InputError

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


class SimulatedModel(ModelAPI):
    """Inspect model provider ``simulated/model``: no network, no weights, planted behaviour.

    Args:
        model_name: Any name; it stands in the log as ``simulated/<name>``.
        base_url: Not used.
        api_key: Not used.
        config: Inspect's.
        pairs: File with the pairs that the model knows (as written by ``misfire pairs``); none for the embedded pairs.
        mar: Planted MAR, conditional, 0 to below 1.
        br: Planted BR, conditional, 0 to below 1.
        both_wrong: Planted share of pairs that both halves fail.
        invalid: Chance, for each half, of an invalid reply instead: a refusal, a reply without an answer, or one cut off.
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
        p_yes: float = 0.5,
        latency: float = 0.0,
        seed: int = 1,
        **unknown: object,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        if unknown:
            raise InputError(f"simulated/{model_name} takes no -M {', '.join(unknown)}. It takes {', '.join(_PARAMETERS)}.")
        for name, value, top in (("mar", mar, 0.999), ("br", br, 0.999), ("both_wrong", both_wrong, 1), ("invalid", invalid, 1)):
            _check_number(name, value, top)
        _check_number("p_yes", p_yes, 1)
        _check_number("latency", latency, 3600)
        if isinstance(seed, bool) or not isinstance(seed, int):  # pyright: ignore[reportUnnecessaryIsInstance] (the command line gives any type)
            raise InputError(f"simulated model: -M seed={seed} is not a whole number.")
        self.rates = PlantedRates(mar, br, both_wrong)
        self.invalid, self.p_yes, self.latency, self.seed = invalid, p_yes, latency, seed
        self.halves = _known_halves(str(user_path(pairs)) if pairs else str(EMBEDDED_PAIRS))
        self.calls = 0

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Reply to the last user message."""
        self.calls += 1
        if self.latency:
            await anyio.sleep(self.latency)
        question = next((message.text for message in reversed(input) if message.role == "user"), "")
        reply, stop_reason = self.reply(question)
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

    def reply(self, question: str) -> tuple[str, StopReason]:
        """The reply to a question, and why it stops.

        Args:
            question: Text of the user message.

        Returns:
            The text, and Inspect's stop reason.
        """
        known = self.halves.find(question)
        if known is None:
            yes = self._draw("coin", question) < self.p_yes
            return _answer("yes" if yes else "no", question), "stop"
        pair_id, half, target = known
        kind = self._draw("invalid", pair_id, half)
        if kind < self.invalid:
            return _INVALID_REPLIES[int(kind / self.invalid * len(_INVALID_REPLIES))]
        right = self.rates.right(half, self._draw("pair", pair_id))
        return _answer(target if right else _other(target), question), "stop"

    def max_connections(self) -> int:
        """Calls at a time that Inspect may make."""
        return CONCURRENCY

    def _draw(self, *names: str) -> float:
        """A uniform draw from [0, 1) that depends on the seed and the names alone."""
        digest = hashlib.sha256("\x1f".join((str(self.seed), *names)).encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:7]) / 2**56


class KnownHalves:
    """Finds which half a message asks about.

    Args:
        pairs: The pairs to know.
    """

    def __init__(self, pairs: list[Pair]) -> None:
        self._halves: dict[str, tuple[str, HalfName, Answer]] = {
            half.prompt: (pair.id, name, half.target) for pair in pairs for name, half in pair.halves
        }

    def find(self, text: str) -> tuple[str, HalfName, Answer] | None:
        """The half whose prompt stands in a text.

        Args:
            text: A user message: the prompt, perhaps with other text before or behind it.

        Returns:
            Pair id, half and target; where several prompts stand in the text, those of the last and longest. None if none does.
        """
        first = text.partition("\n\n")[0]
        if first in self._halves:
            return self._halves[first]
        ends = ((place + len(prompt), len(prompt), prompt) for prompt in self._halves if (place := text.rfind(prompt)) >= 0)
        _, _, prompt = max(ends, default=(0, 0, ""))
        return self._halves.get(prompt)


_PARAMETERS = ("pairs", "mar", "br", "both_wrong", "invalid", "p_yes", "latency", "seed")

_INVALID_REPLIES: tuple[tuple[str, StopReason], ...] = (
    ("I'm sorry, but I can't help with that.", "stop"),
    ("", "content_filter"),
    ("The passage leaves room for more than one reading.", "stop"),
    ('{"ans', "max_tokens"),
)


@lru_cache(maxsize=4)
def _known_halves(path: str) -> KnownHalves:
    from pathlib import Path

    return KnownHalves(read_pairs(Path(path)))


def _answer(answer: str, question: str) -> str:
    reply = f'{{"answer": "{answer}"}}'
    return f"This is simulated reasoning: no passage was read.\n{reply}" if "step by step" in question else reply


def _other(answer: Answer) -> Answer:
    return "no" if answer == "yes" else "yes"


def _check_number(name: str, value: object, top: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top:
        raise InputError(f"simulated model: -M {name}={value} is not a number from 0 to {top}.")
