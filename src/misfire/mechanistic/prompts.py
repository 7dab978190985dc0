"""How a pair is put to a model under study, and where in its tokens people and evidence stand.

A probe's prompt ends where the answer begins, so that the logits of its last token are the answer's. ``word`` asks for one word;
``veto`` is the evaluation's own prompt (``misfire.tasks.prompts``) with the answer object begun.
"""

# transformers leaves many types open
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
from misfire.tasks.prompts import question_message, system_message

Wording = Literal["word", "veto"]
"""``word``: our probe, one word; ``veto``: VETO's direct prompt with ``{"answer": "`` begun."""

SYSTEM = "You answer yes/no questions about short passages. Answer with one word: yes or no."
REQUEST = "Answer with one word: yes or no."
BEGUN: dict[Wording, str] = {"word": "", "veto": '{"answer": "'}
"""What the answer is begun with."""

NEUTRAL = ("N/A", "…", "There is no passage and no question.")
"""Prompts about nothing: what a model leans to whatever it reads is taken off the logit lens."""

Person = Literal["stereotyped", "contrast"]

_JOINED = re.compile(r"\s+(?:(?:a|an|the|in|of|with|who|is|from|on|for|to)\s+)*")
"""What stands between words of one name: "uses a wheelchair"."""


@dataclass(frozen=True)
class Mention:
    """The tokens that name one of a pair's two people by what tells them apart.

    Attributes:
        person: Whom.
        start: First token.
        stop: One past the last.
    """

    person: Person
    start: int
    stop: int


@dataclass(frozen=True)
class AskedText:
    """How one half is put to a model, where that is more than its own prompt: in an arm of a priming run.

    Attributes:
        prompt: Evidence and question, with a cue before or behind them.
        system_cue: A cue that opens the system message, if it has one.
    """

    prompt: str
    system_cue: str | None = None


@dataclass(frozen=True)
class ProbePrompt:
    """One prompt in tokens.

    Attributes:
        ids: Its tokens.
        mentions: Where people are named, in order.
        evidence: Tokens of the passage that name nobody.
        question: Tokens of the question that name nobody.
    """

    ids: tuple[int, ...]
    mentions: tuple[Mention, ...] = ()
    evidence: tuple[int, ...] = ()
    question: tuple[int, ...] = ()


def render(tokenizer: Any, prompt: str, wording: Wording = "word", system_cue: str | None = None) -> str:  # noqa: ANN401 (any tokenizer of Hugging Face's)
    """The text that a model reads, by its chat template if it has one; a template's thinking mode is switched off.

    Args:
        tokenizer: The model's tokenizer.
        prompt: Evidence and question.
        wording: What stands around them.
        system_cue: A sentence that opens the system message, as in priming.

    Returns:
        The text up to where the answer begins.
    """
    system = system_message("direct") if wording == "veto" else SYSTEM
    system = f"{system_cue} {system}" if system_cue else system
    user = question_message(prompt, "direct") if wording == "veto" else f"{prompt}\n\n{REQUEST}"
    if not tokenizer.chat_template:
        return f"{system}\n\n{user}\n\nAnswer: {BEGUN[wording]}".rstrip(" ")

    def template(messages: list[dict[str, str]]) -> str:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)

    folded = [{"role": "user", "content": with_instruction([system], user)}]
    text = rendered(template, [{"role": "system", "content": system}, {"role": "user", "content": user}], folded, [system], user).text
    return text + BEGUN[wording]


def tokenise(tokenizer: Any, text: str) -> tuple[list[int], list[tuple[int, int]]]:  # noqa: ANN401
    """Token ids of a rendered text, and where each stands in it; a template's own begin token is not put twice."""
    encoded = tokenizer(text, add_special_tokens=not tokenizer.chat_template, return_offsets_mapping=True)
    return list(encoded["input_ids"]), [(int(start), int(stop)) for start, stop in encoded["offset_mapping"]]


def probe_prompt(
    tokenizer: Any,  # noqa: ANN401
    prompt: str,
    wording: Wording = "word",
    pair: Pair | None = None,
    asked: AskedText | None = None,
) -> ProbePrompt:
    """A prompt in tokens.

    Args:
        tokenizer: The model's tokenizer.
        prompt: Evidence and question.
        wording: What stands around them.
        pair: Its pair, if the places of people and evidence are wanted.
        asked: What is asked in place of the prompt, which is a part of it; places are those in the prompt, not in a cue beside it.

    Returns:
        The prompt.
    """
    text = render(tokenizer, asked.prompt, wording, asked.system_cue) if asked else render(tokenizer, prompt, wording)
    ids, places = tokenise(tokenizer, text)
    begin = text.find(prompt.strip())
    if pair is None or begin < 0:
        return ProbePrompt(tuple(ids))
    passage = begin + len(split_question(prompt.strip())[0])

    def tokens(start: int, stop: int) -> list[int]:
        return [token for token, (left, right) in enumerate(places) if left < stop and right > start and right > left]

    found: list[Mention] = []
    for person, start, stop in mentions(pair, prompt.strip()):
        if own := tokens(begin + start, begin + stop):
            found.append(Mention(person, own[0], own[-1] + 1))
    named = {token for mention in found for token in range(mention.start, mention.stop)}
    evidence = [token for token in tokens(begin, passage) if token not in named]
    question = [token for token in tokens(passage, begin + len(prompt.strip())) if token not in named and token not in evidence]
    return ProbePrompt(tuple(ids), tuple(found), tuple(evidence), tuple(question))


def mentions(pair: Pair, prompt: str) -> list[tuple[Person, int, int]]:
    """Where a prompt names the two people of its pair by the words that tell them apart.

    These are the words that the question of one half has and that of the other lacks: "older" and "younger".

    Args:
        pair: The pair.
        prompt: One of its prompts.

    Returns:
        For each mention the person, and first and one past the last character; words of one name are one mention.
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


def answer_tokens(tokenizer: Any, wording: Wording = "word") -> AnswerTokens:  # noqa: ANN401
    """The tokens with which the answers begin right behind a probe's prompt.

    Every spelling ("yes", "Yes", "YES", each with a space before it or not) is tokenised in its place. Those that are one token of the
    vocabulary count; unknown tokens do not, and no token may stand for both answers.

    Args:
        tokenizer: The model's tokenizer.
        wording: The probe's wording.

    Returns:
        The tokens.

    Raises:
        InputError: An answer has no token of its own.
    """
    text = render(tokenizer, "N/A", wording)
    ids, _ = tokenise(tokenizer, text)

    def of(answer: str) -> set[int]:
        found: set[int] = set()
        for word in (answer, answer.capitalize(), answer.upper()):
            for spelling in (word, f" {word}"):
                longer, _ = tokenise(tokenizer, text + spelling)
                if not tokenizer.chat_template and len(longer) > len(ids) and tokenizer.eos_token_id == longer[-1]:
                    longer = longer[:-1]
                if len(longer) == len(ids) + 1 and longer[: len(ids)] == ids:
                    found.add(longer[-1])
        return {token for token in found if token != tokenizer.unk_token_id and tokenizer.decode([token]).strip().lower() == answer}

    yes, no = of("yes"), of("no")
    if not yes or not no:
        raise InputError(
            f"answer tokens: the tokenizer has no single token for {'yes' if not yes else 'no'} behind the probe's prompt "
            "(looked for yes, Yes, YES and the like, with and without a space). The logit difference cannot be read from such a model."
        )
    return AnswerTokens(tuple(sorted(yes - no)), tuple(sorted(no - yes)))
