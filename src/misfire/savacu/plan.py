"""Estimates the calls, tokens, price, and machine hours of a build before any money is spent."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from misfire.datasets.json_rows import Fault
from misfire.errors import InputError
from misfire.savacu.calls import Item, PromptedStep, Settings
from misfire.savacu.prompting.classify import Method, ToClassify, all_domains, classify_step
from misfire.savacu.prompting.expand import ExpandStep, ToExpand
from misfire.savacu.prompting.judge import JudgeStep, ToJudge
from misfire.savacu.prompting.respond import Domains, RespondStep, ToRespond
from misfire.savacu.prompts import content_id, normalize
from misfire.savacu.recipe import ModelSpec, Recipe
from misfire.savacu.sources import Source, source_rows
from misfire.savacu.toml_files import read_toml

PUBLISHED_PROMPTS = 382_424
"""Number of instances in the paper: the default number of prompts for a plan."""

PRICES = Path(__file__).with_name("prices.toml")

CHARACTERS_A_TOKEN = 4
"""An estimate for English."""

SAMPLE = 200
"""Number of prompts of the first source from which the length of prompts is estimated."""

_SCORE_TOKENS = 6
_RESPONSE_TOKENS = 250
_VERDICT_TOKENS = 60
_PROMPT_TOKENS = 40

_TYPICAL_DOMAINS: Domains = {"safety": ("safety_privacy_violation",), "value": ("value_health",)}
"""A prompt of the authors' CSV touches 1.8 of the three dimensions."""

_Amount = Annotated[float, Field(ge=0)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelPrice(_Table):
    """Prices of a model, in US dollars per million tokens.

    Attributes:
        name: Name of the model in Inspect.
        input: Price of input tokens.
        cached: Price of input tokens that the provider has cached.
        cached_from: Minimum number of tokens of a prefix for the provider to cache it.
        output: Price of output tokens.
        batch: Price through the batch API, as a fraction of the regular price.
    """

    name: str
    input: _Amount
    cached: _Amount
    cached_from: Annotated[int, Field(ge=0)] = 1024
    output: _Amount
    batch: Annotated[float, Field(ge=0, le=1)] = 1.0


class Machine(_Table):
    """The machine that serves models without a price per token.

    Attributes:
        name: Name of the machine.
        dollars_an_hour: Price in US dollars per hour.
        read: Input tokens per second.
        write: Output tokens per second.
    """

    name: str
    dollars_an_hour: _Amount
    read: Annotated[float, Field(gt=0)]
    write: Annotated[float, Field(gt=0)]


class Prices(_Table):
    """A table of prices.

    Attributes:
        model: Models with a price per token.
        machine: The machine that serves all other models.
    """

    model: tuple[ModelPrice, ...] = ()
    machine: Machine


@dataclass(frozen=True)
class PlanRow:
    """The estimate for one stage.

    Attributes:
        stage: The stage. Classification has one row for each method.
        model: The model.
        calls: Number of calls.
        read: Number of input tokens.
        repeated: Number of input tokens in prefixes that several calls of an item share.
        written: Number of output tokens.
        dollars: Price in US dollars, with cached tokens at the cached price; None if the model has no price
            per token.
        batch_dollars: Price through the batch API, without caching.
        hours: Hours on the machine, with shared prefixes read once.
        chosen: Whether the recipe uses this method.
    """

    stage: str
    model: str
    calls: int
    read: int
    repeated: int
    written: int
    dollars: float | None
    batch_dollars: float | None
    hours: float
    chosen: bool = True


def read_prices(path: Path) -> Prices:
    """Read a table of prices.

    Raises:
        InputError: The file cannot be read, or a field is unknown, missing, or invalid.
    """
    return read_toml(path, Prices, "a table of prices", f"{PRICES.name} is an example.")


def plan(recipe: Recipe, prices: Prices, prompts: int = PUBLISHED_PROMPTS) -> list[PlanRow]:
    """Estimate what a build needs.

    Args:
        recipe: The recipe.
        prices: The table of prices.
        prompts: Number of prompts that go through every stage. The estimate assumes that none is dropped.

    Returns:
        One row for each classification method, and one for the first round of each other stage that calls
        models. Numbers of tokens are estimated from the number of characters of prompts in the first source.
        Expansion is counted at the maximum that the recipe allows.

    Raises:
        InputError: The first source cannot be read.
    """
    texts = _sample(recipe.ingest.sources[0])
    work = [
        *_classification(recipe, texts, prompts),
        *_expansion(recipe, texts),
        *_responses(recipe, texts, prompts),
        _judging(recipe, texts, prompts),
    ]
    return [_row(one, prices) for one in work]


@dataclass(frozen=True)
class _Work:
    """What a stage asks a model.

    Attributes:
        name: The stage, as the plan shows it.
        step: The step that makes the calls of an item.
        model: The model.
        items: Typical items.
        count: Number of items.
        written: Estimated number of output tokens per item.
        chosen: Whether the recipe uses this method.
    """

    name: str
    step: PromptedStep
    model: ModelSpec
    items: Sequence[Item]
    count: int
    written: int
    chosen: bool = True


def _classification(recipe: Recipe, texts: Sequence[str], prompts: int) -> list[_Work]:
    """Return the classification of all prompts with each method."""
    methods: tuple[Method, ...] = ("questions", "scores")
    return [
        _classify(recipe, texts, f"classify ({method})", method, prompts, method == recipe.classify.method)
        for method in methods
    ]


def _classify(
    recipe: Recipe, texts: Sequence[str], name: str, method: Method, count: int, chosen: bool
) -> _Work:
    items = [ToClassify(id=content_id(text), text=text) for text in texts]
    written = len(all_domains()) * (1 if method == "questions" else _SCORE_TOKENS)
    return _Work(name, classify_step(method), recipe.classify.model, items, count, written, chosen)


def _expansion(recipe: Recipe, texts: Sequence[str]) -> list[_Work]:
    """Return the expansion of all domains and the classification of the new prompts, if requested."""
    table = recipe.expand
    if table is None:
        return []
    domains = all_domains()
    new = len(domains) * min(table.most, table.rounds * math.ceil(table.target * table.oversample))
    one = ToExpand(id="one", domain=domains[0].id, number=1, examples=tuple(texts[:3]))
    step, method = ExpandStep(table.settings), recipe.classify.method
    return [
        _Work("expand, at most", step, table.model, [one], new, _PROMPT_TOKENS),
        _classify(recipe, texts, "classify new prompts, at most", method, new, True),
    ]


def _responses(recipe: Recipe, texts: Sequence[str], prompts: int) -> list[_Work]:
    """Return the two responses of each generator to each prompt."""
    pool = recipe.respond
    work: list[_Work] = []
    for generator in pool.generators:
        settings = pool.settings_of(generator)
        items = [
            ToRespond(
                id=content_id(text),
                prompt_id=content_id(text),
                text=text,
                domains=_TYPICAL_DOMAINS,
                generator=generator.name,
            )
            for text in texts
        ]
        step, written = RespondStep(settings, pool.rules), 2 * _response_tokens(settings)
        work.append(_Work(f"respond ({generator.name})", step, generator, items, prompts, written))
    return work


def _judging(recipe: Recipe, texts: Sequence[str], prompts: int) -> _Work:
    """Return the judgment of all responses, which have the length of the longest."""
    pool = recipe.respond
    longest = max(_response_tokens(pool.settings_of(each)) for each in pool.generators)
    reply = "x" * (longest * CHARACTERS_A_TOKEN)
    items = [
        ToJudge(
            id=content_id(text),
            text=text,
            domains=_TYPICAL_DOMAINS,
            responses={"aligned": reply, "misaligned": reply},
        )
        for text in texts
    ]
    count = prompts * len(pool.generators)
    return _Work("judge", JudgeStep(), recipe.judge.model, items, count, 4 * _VERDICT_TOKENS)


def _response_tokens(settings: Settings) -> int:
    """Return the estimated number of tokens of a response."""
    return _RESPONSE_TOKENS if settings.max_tokens is None else min(_RESPONSE_TOKENS, settings.max_tokens)


def _row(work: _Work, prices: Prices) -> PlanRow:
    """Estimate the tokens, price and hours of a stage."""
    price = next((price for price in prices.model if price.name == work.model.model), None)
    requests = [_Request.of(work.step, item) for item in work.items]
    factor = work.count / len(work.items)

    def tokens(characters: Iterable[int]) -> int:
        return round(sum(characters) * factor / CHARACTERS_A_TOKEN)

    read = tokens(request.read for request in requests)
    repeated = tokens(sum(request.shared) for request in requests)
    written = work.written * work.count
    dollars = batch_dollars = None
    if price is not None:
        cached = tokens(request.cached(price) for request in requests)
        dollars = ((read - cached) * price.input + cached * price.cached + written * price.output) / 1e6
        batch_dollars = price.batch * (read * price.input + written * price.output) / 1e6
    return PlanRow(
        stage=work.name,
        model=work.model.model,
        calls=round(sum(request.calls for request in requests) * factor),
        read=read,
        repeated=repeated,
        written=written,
        dollars=dollars,
        batch_dollars=batch_dollars,
        hours=((read - repeated) / prices.machine.read + written / prices.machine.write) / 3600,
        chosen=work.chosen,
    )


@dataclass(frozen=True)
class _Request:
    """The calls of an item.

    Attributes:
        calls: Number of calls.
        read: Number of input characters.
        shared: Length of the prefix that each call shares with the preceding one, in characters.
    """

    calls: int
    read: int
    shared: tuple[int, ...]

    @classmethod
    def of(cls, step: PromptedStep, item: Item) -> "_Request":
        texts = ["\n".join(message.text for message in call.messages) for call in step.calls(item)]
        return cls(
            calls=len(texts),
            read=sum(map(len, texts)),
            shared=tuple(_shared(one, other) for one, other in pairwise(texts)),
        )

    def cached(self, price: ModelPrice) -> int:
        """Return the number of characters that the provider has cached."""
        return sum(length for length in self.shared if length >= price.cached_from * CHARACTERS_A_TOKEN)


def _shared(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts."""
    return next(
        (at for at, (first, second) in enumerate(zip(one, other, strict=False)) if first != second),
        min(len(one), len(other)),
    )


def _sample(source: Source) -> list[str]:
    rows = islice(source_rows(source), SAMPLE)
    records = (row.record for row in rows if not isinstance(row.record, Fault))
    texts = [
        normalize(text) for text in (record.get(source.prompt) for record in records) if isinstance(text, str)
    ]
    if texts := [text for text in texts if text]:
        return texts
    raise InputError(
        f"{source.name}: the first {SAMPLE} rows have no prompt in the column '{source.prompt}'."
    )
