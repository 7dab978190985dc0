"""Estimates the calls, tokens, price, and machine hours of a build before any money is spent."""

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from misfire.datasets.json_rows import Fault
from misfire.datasets.record_errors import field_problems, raise_problems
from misfire.datasets.user_files import read_user_text
from misfire.errors import InputError
from misfire.savacu.calls import Item, PromptedStep, Settings
from misfire.savacu.prompting.classify import Method, ToClassify, all_domains, classify_step
from misfire.savacu.prompting.expand import ExpandStep, ToExpand
from misfire.savacu.prompting.judge import JudgeStep, ToJudge
from misfire.savacu.prompting.respond import Domains, RespondStep, ToRespond
from misfire.savacu.prompts import content_id, normalize
from misfire.savacu.recipe import ModelSpec, Recipe
from misfire.savacu.sources import Source, source_rows

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
    try:
        return Prices.model_validate(tomllib.loads(read_user_text(path)))
    except ValidationError as error:
        raise_problems(
            path,
            [f"field '{field}': {message}" for field, message in field_problems(error)],
            f"{PRICES.name} is an example.",
        )
        raise AssertionError from error  # not reached: there is a problem, so raise_problems raises
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as a table of prices ({error}).") from error


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
    rows: list[PlanRow] = []
    methods: tuple[Method, ...] = ("questions", "scores")
    for method in methods:
        stage, model = classify_step(method), recipe.classify.model
        written = len(all_domains()) * (1 if method == "questions" else _SCORE_TOKENS)
        items = [ToClassify(id=content_id(text), text=text) for text in texts]
        chosen = method == recipe.classify.method
        rows.append(
            _row(f"classify ({method})", stage, model, items, prompts, written, prices, chosen=chosen)
        )
    if recipe.expand is not None:
        table = recipe.expand
        new = len(all_domains()) * min(table.most, table.rounds * math.ceil(table.target * table.oversample))
        one = ToExpand(id="one", domain=all_domains()[0].id, number=1, examples=tuple(texts[:3]))
        rows.append(
            _row(
                "expand, at most", ExpandStep(table.settings), table.model, [one], new, _PROMPT_TOKENS, prices
            )
        )
        stage, model = classify_step(recipe.classify.method), recipe.classify.model
        written = len(all_domains()) * (1 if recipe.classify.method == "questions" else _SCORE_TOKENS)
        items = [ToClassify(id=content_id(text), text=text) for text in texts]
        rows.append(_row("classify new prompts, at most", stage, model, items, new, written, prices))
    pool = recipe.respond
    for generator in pool.generators:
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
        settings = pool.settings_of(generator)
        written = 2 * _response_tokens(settings)
        rows.append(
            _row(
                f"respond ({generator.name})",
                RespondStep(settings, pool.rules),
                generator,
                items,
                prompts,
                written,
                prices,
            )
        )
    reply = "x" * (
        max(_response_tokens(pool.settings_of(each)) for each in pool.generators) * CHARACTERS_A_TOKEN
    )
    items = [
        ToJudge(
            id=content_id(text),
            text=text,
            domains=_TYPICAL_DOMAINS,
            responses={"aligned": reply, "misaligned": reply},
        )
        for text in texts
    ]
    rows.append(
        _row(
            "judge",
            JudgeStep(),
            recipe.judge.model,
            items,
            prompts * len(pool.generators),
            4 * _VERDICT_TOKENS,
            prices,
        )
    )
    return rows


def _response_tokens(settings: Settings) -> int:
    """Return the estimated number of tokens of a response."""
    return _RESPONSE_TOKENS if settings.max_tokens is None else min(_RESPONSE_TOKENS, settings.max_tokens)


def _row(
    name: str,
    stage: PromptedStep,
    model: ModelSpec,
    items: Sequence[Item],
    count: int,
    written: int,
    prices: Prices,
    *,
    chosen: bool = True,
) -> PlanRow:
    price = next((price for price in prices.model if price.name == model.model), None)
    calls = read = repeated = cached = 0
    for item in items:
        texts = ["\n".join(message.text for message in call.messages) for call in stage.calls(item)]
        calls += len(texts)
        read += sum(map(len, texts))
        shared = [_shared(one, other) for one, other in pairwise(texts)]
        repeated += sum(shared)
        if price is not None:
            cached += sum(
                characters for characters in shared if characters >= price.cached_from * CHARACTERS_A_TOKEN
            )
    factor = count / len(items)
    tokens = [round(number * factor / CHARACTERS_A_TOKEN) for number in (read, repeated, cached)]
    out = written * count
    return PlanRow(
        stage=name,
        model=model.model,
        calls=round(calls * factor),
        read=tokens[0],
        repeated=tokens[1],
        written=out,
        dollars=None
        if price is None
        else ((tokens[0] - tokens[2]) * price.input + tokens[2] * price.cached + out * price.output) / 1e6,
        batch_dollars=None
        if price is None
        else price.batch * (tokens[0] * price.input + out * price.output) / 1e6,
        hours=((tokens[0] - tokens[1]) / prices.machine.read + out / prices.machine.write) / 3600,
        chosen=chosen,
    )


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
