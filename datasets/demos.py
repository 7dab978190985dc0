"""In-context demonstrations: solved questions from scenarios that are held out of the evaluation.

The published demonstrations all have the answer "yes" (style ``published``). The balanced demonstrations have
the answer "no" equally often: a question about one person after the context that supports the other person is
a *foil*, whose answer is "no".
"""

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from misfire.datasets.pairs import Answer, HalfName, Pair
from misfire.datasets.questions import NEGATIVE_CONTRACTIONS
from misfire.errors import InputError, Setting

DemoStyle = Literal["balanced", "published"]
"""``balanced``: balanced over the two halves and over yes and no. ``published``: all answers are "yes"."""

DemoCount = Literal[0, 1, 3, 5, 10]
"""The numbers of demonstrations in the published experiments."""

HELD_OUT_SHARE = 0.1
"""Minimum share of the scenarios that is held out when demonstrations are used, so that demonstrations vary
between pairs."""

MOST_DEMOS = 10
"""The largest of the published numbers. At least this many scenarios are held out, provided that half of them
remain for evaluation."""

Cell = tuple[HalfName, Answer]
"""The half that a demonstration takes its context from, and its answer."""

# the first 2, 4, … cells of each row are balanced over halves and over answers
_BALANCED: tuple[tuple[Cell, ...], ...] = (
    (("stereotyped", "yes"), ("contrast", "no"), ("contrast", "yes"), ("stereotyped", "no")),
    (("contrast", "no"), ("stereotyped", "yes"), ("stereotyped", "no"), ("contrast", "yes")),
    (("contrast", "yes"), ("stereotyped", "no"), ("stereotyped", "yes"), ("contrast", "no")),
    (("stereotyped", "no"), ("contrast", "yes"), ("contrast", "no"), ("stereotyped", "yes")),
)
_PUBLISHED: tuple[tuple[Cell, ...], ...] = (
    (("stereotyped", "yes"), ("contrast", "yes")),
    (("contrast", "yes"), ("stereotyped", "yes")),
)


@dataclass(frozen=True)
class Demo:
    """A solved question.

    Attributes:
        pair_id: ID of the held-out pair that it comes from.
        prompt: Evidence and question.
        answer: The correct answer.
    """

    pair_id: str
    prompt: str
    answer: Answer


@dataclass(frozen=True)
class HeldOut:
    """A split of pairs into those to evaluate and those to use for demonstrations.

    No scenario is in both parts.

    Attributes:
        evaluated: Pairs to evaluate, in order.
        demo_pairs: Pairs that can be used for demonstrations, by scenario.
        held: Number of pairs in the held-out scenarios.
    """

    evaluated: tuple[Pair, ...]
    demo_pairs: dict[str, tuple[Pair, ...]]
    held: int = 0


def hold_out(pairs: Sequence[Pair], demos: int | None, seed: int) -> HeldOut:
    """Hold scenarios out of the evaluation for use in demonstrations.

    The split does not depend on the number of demonstrations (including 0), so runs with different numbers
    evaluate the same pairs.

    Args:
        pairs: All pairs.
        demos: Demonstrations per question. None holds nothing out; 0 holds out as many scenarios as any other
            number.
        seed: Random seed of the split.

    Returns:
        The split. A tenth of the scenarios is held out, and at least 10 if that leaves half of them.

    Raises:
        InputError: Too few scenarios have a pair that can be used for demonstrations.
    """
    if demos is None:
        return HeldOut(tuple(pairs), {})
    usable: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if is_role_swap(pair) and not _asks_negatively(pair):
            usable[pair.scenario].append(pair)
    scenarios = {pair.scenario for pair in pairs}
    wanted = max(
        math.ceil(HELD_OUT_SHARE * len(scenarios)), min(MOST_DEMOS, len(scenarios) // 2, len(usable))
    )
    if len(usable) < wanted or len(scenarios) <= wanted or wanted < max(demos, 1):
        raise InputError(
            f"demos={demos} is too many for these pairs: {wanted} of the {len(scenarios)} scenarios are "
            f"held out of the evaluation, and only {len(usable)} scenarios have a pair with swapped roles "
            "and without a negative question. Use fewer demonstrations or more categories,",
            parameter="demos",
            advice="or omit {}.",
            settings=[Setting("demos")],
        )
    held = set(random.Random(f"{seed}/held out").sample(sorted(usable), wanted))
    evaluated = tuple(pair for pair in pairs if pair.scenario not in held)
    return HeldOut(
        evaluated,
        {scenario: tuple(usable[scenario]) for scenario in sorted(held)},
        len(pairs) - len(evaluated),
    )


def demos_for(pair: Pair, held_out: HeldOut, demos: int, style: DemoStyle, seed: int) -> list[Demo]:
    """Draw the demonstrations for a pair. Both halves of the pair get the same demonstrations in all arms.

    Args:
        pair: The evaluated pair.
        held_out: The split to draw from.
        demos: Number of demonstrations, each from a different scenario.
        style: Which answers the demonstrations have.
        seed: Random seed; each pair has its own draw.

    Returns:
        The demonstrations, in random order.
    """
    rng = random.Random(f"{seed}/demos/{pair.id}")
    cells = rng.choice(_BALANCED if style == "balanced" else _PUBLISHED)
    scenarios = rng.sample(sorted(held_out.demo_pairs), demos)
    chosen = [
        _demo(rng.choice(held_out.demo_pairs[name]), cells[k % len(cells)])
        for k, name in enumerate(scenarios)
    ]
    rng.shuffle(chosen)
    return chosen


def is_role_swap(pair: Pair) -> bool:
    """Check whether the two questions of a pair can be exchanged.

    This requires that both contexts have the same words and both answers are "yes".
    """
    (one, question), (other, other_question) = (split_question(half.prompt) for _, half in pair.halves)
    same_words = Counter(re.findall(r"\w+", one.lower())) == Counter(re.findall(r"\w+", other.lower()))
    return (
        bool(one)
        and same_words
        and question != other_question
        and pair.stereotyped.target == pair.contrast.target == "yes"
    )


def _asks_negatively(pair: Pair) -> bool:
    """Check for a negative question.

    It cannot be used in a demonstration, since the meaning of "yes" and "no" is debatable.
    """
    words = split_question(pair.stereotyped.prompt)[1].lower().replace("’", "'").split()
    return "not" in words or any(word.strip("?,") in NEGATIVE_CONTRACTIONS for word in words)


def split_question(prompt: str) -> tuple[str, str]:
    """Split a prompt into its context and its question, the last sentence.

    The context is empty if there is only one sentence.
    """
    # The context ends with the last sentence mark, which a quote or parenthesis may follow. The question is
    # the rest; a full stop inside a word, as in "e.g.", does not end a sentence.
    match = re.fullmatch(
        r"(?P<context>.*[.!?]['\"”’)]?) (?P<question>[^.!?]*(?:\.[^.!? ][^.!?]*)*\?)", prompt, re.DOTALL
    )
    return (match["context"], match["question"]) if match else ("", prompt)


def _demo(pair: Pair, cell: Cell) -> Demo:
    half, answer = cell
    contexts = {name: split_question(asked.prompt) for name, asked in pair.halves}
    other: HalfName = "contrast" if half == "stereotyped" else "stereotyped"
    context = contexts[half][0]
    question = contexts[half if answer == "yes" else other][1]
    return Demo(pair.id, f"{context} {question}", answer)
