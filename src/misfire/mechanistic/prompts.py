"""Prompts for a model under study, and the token positions of people and evidence in them.

The prompt of the probe ends where the answer begins, so the logits of its last token are those of the answer.
``word`` asks for one word. ``veto`` is the prompt of the evaluation (``misfire.tasks.prompts``), followed by
the beginning of the answer object.
"""

# many types in transformers are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from dataclasses import dataclass
from typing import Any, Literal

from misfire.datasets.demos import split_question
from misfire.datasets.pairs import HalfName, Pair
from misfire.datasets.role_swap import distinct_words
from misfire.errors import InputError
from misfire.mechanistic.model.chat import rendered, with_instruction
from misfire.mechanistic.model.decoder import AnswerTokens
from misfire.model_calls.answer_words import Word, answer_ids
from misfire.model_calls.first_token import Readout
from misfire.model_calls.hugging_face import PLAIN_TEMPLATE
from misfire.tasks.prompts import question_message, system_message

Wording = Literal["word", "veto"]
"""``word``: the request for a one-word answer, as in VETO with ``-T readout=logprobs``; ``veto``: VETO's
published prompt, followed by ``{"answer": "``."""

ANSWER_START: dict[Wording, str] = {"word": "", "veto": '{"answer": "'}
"""Text that begins the answer."""

NEUTRAL = ("N/A", "…", "There is no passage and no question.")
"""Neutral prompts: the logit lens subtracts the model's tendency on prompts without a passage or a
question."""

Person = Literal["stereotyped", "contrast"]

_JOINED = re.compile(r"\s+(?:(?:a|an|the|in|of|with|who|is|from|on|for|to)\s+)*")
"""Text that may separate words of the same mention: "uses a wheelchair"."""


@dataclass(frozen=True)
class Mention:
    """The tokens of words that distinguish one of a pair's two people from the other.

    Attributes:
        person: The person.
        start: Position of the first token.
        stop: Position after the last token.
    """

    person: Person
    start: int
    stop: int


@dataclass(frozen=True)
class AskedText:
    """The text of a half in an arm of a priming run, where it differs from the half's own prompt.

    Attributes:
        prompt: Evidence and question, with a cue before or after them.
        system_cue: Cue at the start of the system message, if there is one.
    """

    prompt: str
    system_cue: str | None = None


@dataclass(frozen=True)
class ProbePrompt:
    """A prompt as tokens.

    Attributes:
        ids: Token IDs.
        mentions: Mentions of people, in order.
        evidence: Positions of tokens of the passage outside mentions.
        question: Positions of tokens of the question outside mentions.
    """

    ids: tuple[int, ...]
    mentions: tuple[Mention, ...] = ()
    evidence: tuple[int, ...] = ()
    question: tuple[int, ...] = ()


def render(tokenizer: Any, prompt: str, wording: Wording = "word", system_cue: str | None = None) -> str:  # noqa: ANN401 (any Hugging Face tokenizer)
    """Return the text that a model reads, from its chat template if it has one.

    The thinking mode of a template is turned off.

    Args:
        tokenizer: The model's tokenizer.
        prompt: Evidence and question.
        wording: The wording of the probe.
        system_cue: Sentence at the start of the system message, as in priming.

    Returns:
        The text up to the point where the answer begins.
    """
    readout: Readout = "text" if wording == "veto" else "logprobs"
    system, user = system_message("direct", readout), question_message(prompt, "direct", readout)
    system = f"{system_cue} {system}" if system_cue else system
    base = not tokenizer.chat_template

    def template(messages: list[dict[str, str]]) -> str:
        return tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
            **({"chat_template": PLAIN_TEMPLATE} if base else {}),
        )

    folded = [{"role": "user", "content": with_instruction([system], user)}]
    text = rendered(
        template,
        [{"role": "system", "content": system}, {"role": "user", "content": user}],
        folded,
        [system],
        user,
    ).text
    return f"{text} {ANSWER_START[wording]}".rstrip(" ") if base else text + ANSWER_START[wording]


def tokenize(tokenizer: Any, text: str) -> tuple[list[int], list[tuple[int, int]]]:  # noqa: ANN401
    """Return the token IDs of a rendered text and their character spans.

    A begin token from the template is not added twice.
    """
    encoded = tokenizer(text, add_special_tokens=not tokenizer.chat_template, return_offsets_mapping=True)
    return list(encoded["input_ids"]), [(int(start), int(stop)) for start, stop in encoded["offset_mapping"]]


def probe_prompt(
    tokenizer: Any,  # noqa: ANN401
    prompt: str,
    wording: Wording = "word",
    pair: Pair | None = None,
    asked: AskedText | None = None,
) -> ProbePrompt:
    """Return a prompt as tokens.

    Args:
        tokenizer: The model's tokenizer.
        prompt: Evidence and question.
        wording: The wording of the probe.
        pair: The pair of the prompt, if the positions of people and evidence are needed.
        asked: Text that is asked instead of the prompt and contains it. Positions refer to the prompt, not to
            a cue next to it.

    Returns:
        The prompt.
    """
    text = (
        render(tokenizer, asked.prompt, wording, asked.system_cue)
        if asked
        else render(tokenizer, prompt, wording)
    )
    ids, places = tokenize(tokenizer, text)
    prompt_start = text.find(prompt.strip())
    if pair is None or prompt_start < 0:
        return ProbePrompt(tuple(ids))
    passage = prompt_start + len(split_question(prompt.strip())[0])

    def tokens(start: int, stop: int) -> list[int]:
        return [
            token
            for token, (left, right) in enumerate(places)
            if left < stop and right > start and right > left
        ]

    found: list[Mention] = []
    for person, start, stop in mentions(pair, prompt.strip()):
        if own := tokens(prompt_start + start, prompt_start + stop):
            found.append(Mention(person, own[0], own[-1] + 1))
    named = {token for mention in found for token in range(mention.start, mention.stop)}
    evidence = [token for token in tokens(prompt_start, passage) if token not in named]
    question = [
        token
        for token in tokens(passage, prompt_start + len(prompt.strip()))
        if token not in named and token not in evidence
    ]
    return ProbePrompt(tuple(ids), tuple(found), tuple(evidence), tuple(question))


def mentions(pair: Pair, prompt: str) -> list[tuple[Person, int, int]]:
    """Find the mentions of a pair's two people in a prompt, by the words that distinguish them.

    These are the words in the question of one half that the question of the other half lacks: "older" and
    "younger".

    Returns:
        The person, start and end (exclusive) character of each mention. Adjacent words of the same person are
        one mention.
    """
    questions: dict[HalfName, str] = {name: split_question(half.prompt)[1] for name, half in pair.halves}
    marks: dict[Person, frozenset[str]] = {
        "stereotyped": distinct_words(questions["stereotyped"], questions["contrast"]),
        "contrast": distinct_words(questions["contrast"], questions["stereotyped"]),
    }
    found: list[tuple[Person, int, int]] = []
    for match in re.finditer(r"\w+(?:-\w+)*", prompt):
        parts = set(re.findall(r"\w+", match[0].lower()))
        person: Person | None = next((person for person, words in marks.items() if parts & words), None)
        if person is None:
            continue
        if found and found[-1][0] == person and _JOINED.fullmatch(prompt[found[-1][2] : match.start()]):
            found[-1] = (person, found[-1][1], match.end())
        else:
            found.append((person, match.start(), match.end()))
    return found


def answer_tokens(tokenizer: Any) -> AnswerTokens:  # noqa: ANN401
    """Return the tokens of a vocabulary that are an answer.

    They are those that a task reads with ``-T readout=logprobs``
    (``misfire.model_calls.answer_words.word_of``): every spelling that is a single token.

    Returns:
        The tokens.

    Raises:
        InputError: An answer has no token of its own.
    """
    vocabulary: dict[str, int] = tokenizer.get_vocab()

    def of(answer: Word) -> tuple[int, ...]:
        if found := answer_ids(vocabulary, answer):
            return found
        raise InputError(
            f"answer tokens: the tokenizer has no single token for {answer} (tried yes, Yes, YES and "
            "similar, with and without a space). The logit difference cannot be read from this model."
        )

    return AnswerTokens(of("yes"), of("no"))
