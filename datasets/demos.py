"""In-context demonstrations: solved questions from scenarios that are held out of the evaluation.

The published demonstrations all answer "yes" (style ``published``). The balanced ones answer "no" as often: a question
about one person over the context that points at the other is a *foil*, whose answer is "no".
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
"""``balanced``: over halves, and over yes and no; ``published``: all answers are "yes"."""

DemoCount = Literal[0, 1, 3, 5, 10]
"""The published numbers of demonstrations."""

HELD_OUT_SHARE = 0.1
"""At least this share of the scenarios is held out where demonstrations are asked for, so that they vary between pairs."""

MOST_DEMOS = 10
"""The largest of the published numbers; so many scenarios are held out at least, where half of them are left to evaluate."""

Cell = tuple[HalfName, Answer]
"""Which half's context a demonstration has, and its answer."""

# any even number of cells from the start is balanced over halves and over answers
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
        pair_id: The held-out pair that it is made from.
        prompt: Evidence and question.
        answer: The right answer.
    """

    pair_id: str
    prompt: str
    answer: Answer


@dataclass(frozen=True)
class HeldOut:
    """Pairs split into those to evaluate and those to demonstrate with; no scenario is in both.

    Attributes:
        evaluated: To evaluate, in order.
        demo_pairs: Pairs that demonstrations can be made from, by scenario.
        held: How many pairs the scenarios have that are held out.
    """

    evaluated: tuple[Pair, ...]
    demo_pairs: dict[str, tuple[Pair, ...]]
    held: int = 0


def hold_out(pairs: Sequence[Pair], demos: int | None, seed: int) -> HeldOut:
    """Hold scenarios out of the evaluation, to demonstrate with.

    The split does not depend on the number of demonstrations, 0 included: runs with different numbers of them evaluate the same pairs.

    Args:
        pairs: All pairs.
        demos: Demonstrations a question. None holds nothing out; 0 holds out as many scenarios as any other number.
        seed: Of the draw.

    Returns:
        The split: a tenth of the scenarios is held out, and no fewer than 10 if half of the scenarios are left.

    Raises:
        InputError: There are too few scenarios with a pair to demonstrate with.
    """
    if demos is None:
        return HeldOut(tuple(pairs), {})
    usable: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if is_role_swap(pair) and not _asks_negatively(pair):
            usable[pair.scenario].append(pair)
    scenarios = {pair.scenario for pair in pairs}
    wanted = max(math.ceil(HELD_OUT_SHARE * len(scenarios)), min(MOST_DEMOS, len(scenarios) // 2, len(usable)))
    if len(usable) < wanted or len(scenarios) <= wanted or wanted < max(demos, 1):
        raise InputError(
            f"demos={demos} is too many for these pairs: with demonstrations (0 included) {wanted} of the {len(scenarios)} scenarios are "
            f"held out of the evaluation, each with a pair whose halves swap roles and ask nothing negative, which {len(usable)} have. "
            "Ask for fewer, or for more categories,",
            parameter="demos",
            advice="or leave {} out.",
            settings=[Setting("demos")],
        )
    held = set(random.Random(f"{seed}/held out").sample(sorted(usable), wanted))
    evaluated = tuple(pair for pair in pairs if pair.scenario not in held)
    return HeldOut(evaluated, {scenario: tuple(usable[scenario]) for scenario in sorted(held)}, len(pairs) - len(evaluated))


def demos_for(pair: Pair, held_out: HeldOut, demos: int, style: DemoStyle, seed: int) -> list[Demo]:
    """The demonstrations for a pair; both its halves, in all arms, get the same.

    Args:
        pair: The evaluated pair.
        held_out: Where to draw from.
        demos: How many, each from another scenario.
        style: Which answers they have.
        seed: Of the draw; another pair has another draw.

    Returns:
        The demonstrations, in random order.
    """
    rng = random.Random(f"{seed}/demos/{pair.id}")
    cells = rng.choice(_BALANCED if style == "balanced" else _PUBLISHED)
    scenarios = rng.sample(sorted(held_out.demo_pairs), demos)
    chosen = [_demo(rng.choice(held_out.demo_pairs[name]), cells[k % len(cells)]) for k, name in enumerate(scenarios)]
    rng.shuffle(chosen)
    return chosen


def is_role_swap(pair: Pair) -> bool:
    """Whether the halves have the same words in their contexts and both answer "yes", so that their questions can be exchanged."""
    (one, question), (other, other_question) = (split_question(half.prompt) for _, half in pair.halves)
    same_words = Counter(re.findall(r"\w+", one.lower())) == Counter(re.findall(r"\w+", other.lower()))
    return bool(one) and same_words and question != other_question and pair.stereotyped.target == pair.contrast.target == "yes"


def _asks_negatively(pair: Pair) -> bool:
    """Whether the question is negative: what "yes" and "no" say to it is contestable, so it makes no demonstration."""
    words = split_question(pair.stereotyped.prompt)[1].lower().replace("’", "'").split()
    return "not" in words or any(word.strip("?,") in NEGATIVE_CONTRACTIONS for word in words)


def split_question(prompt: str) -> tuple[str, str]:
    """A prompt's context and its question, the last sentence; the context is empty if there is only one sentence."""
    match = re.fullmatch(r"(?P<context>.*[.!?]['\"”’)]?) (?P<question>[^.!?]*(?:\.[^.!? ][^.!?]*)*\?)", prompt, re.DOTALL)
    return (match["context"], match["question"]) if match else ("", prompt)


def _demo(pair: Pair, cell: Cell) -> Demo:
    half, answer = cell
    contexts = {name: split_question(asked.prompt) for name, asked in pair.halves}
    other: HalfName = "contrast" if half == "stereotyped" else "stereotyped"
    context = contexts[half][0]
    question = contexts[half if answer == "yes" else other][1]
    return Demo(pair.id, f"{context} {question}", answer)
