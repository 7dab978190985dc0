"""What a build will ask for, before anything is paid: calls, tokens, price, and hours of a machine of one's own."""

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
from misfire.savacu.prompting.respond import RespondStep, ToRespond
from misfire.savacu.prompts import content_id, normalise
from misfire.savacu.recipe import ModelSpec, Recipe
from misfire.savacu.sources import Source, source_rows

PUBLISHED_PROMPTS = 382_424
"""As many as the paper's instances: what a plan counts with unless it is told otherwise."""

PRICES = Path(__file__).with_name("prices.toml")

CHARACTERS_A_TOKEN = 4
"""An estimate for English."""

SAMPLE = 200
"""So many prompts of the first source are looked at for their length."""

_SCORE_TOKENS = 6
_RESPONSE_TOKENS = 250
_VERDICT_TOKENS = 60
_PROMPT_TOKENS = 40

_TYPICAL_DOMAINS = {"safety": ("safety_privacy_violation",), "value": ("value_health",)}
"""A prompt of the authors' CSV touches 1.8 of the three dimensions."""

_Amount = Annotated[float, Field(ge=0)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelPrice(_Table):
    """Dollars a million tokens.

    Attributes:
        name: The model, as Inspect names it.
        input: Read.
        cached: Read, where the beginning was read just before.
        cached_from: So many tokens a beginning must have at least to be cached.
        output: Written.
        batch: The share of this that is paid through the batch API.
    """

    name: str
    input: _Amount
    cached: _Amount
    cached_from: Annotated[int, Field(ge=0)] = 1024
    output: _Amount
    batch: Annotated[float, Field(ge=0, le=1)] = 1.0


class Machine(_Table):
    """A machine of one's own.

    Attributes:
        name: What it is.
        dollars_an_hour: What it costs.
        read: Tokens a second that it reads.
        write: Tokens a second that it writes.
    """

    name: str
    dollars_an_hour: _Amount
    read: Annotated[float, Field(gt=0)]
    write: Annotated[float, Field(gt=0)]


class Prices(_Table):
    """What things cost.

    Attributes:
        model: Models by the token.
        machine: The machine for all others.
    """

    model: tuple[ModelPrice, ...] = ()
    machine: Machine


@dataclass(frozen=True)
class PlanRow:
    """What a stage asks for.

    Attributes:
        stage: The stage; for classification by each method.
        model: Who is asked.
        calls: How many calls.
        read: Tokens that are read.
        repeated: Of these, those at the beginning of a call that another call of the same item begins with too.
        written: Tokens that are written.
        dollars: Price by the token, with what the provider caches at its cached price; none if the model has no price.
        batch_dollars: Through the batch API, nothing cached.
        hours: Of the machine; what is repeated is read once.
        chosen: Whether the recipe does this.
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
        InputError: It cannot be read, or a field is unknown, missing or wrong.
    """
    try:
        return Prices.model_validate(tomllib.loads(read_user_text(path)))
    except ValidationError as error:
        raise_problems(
            path, [f"field '{field}': {message}" for field, message in field_problems(error)], f"{PRICES.name} shows how it goes."
        )
        raise AssertionError from error  # raise_problems raised: there was a problem
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as a table of prices ({error}).") from error


def plan(recipe: Recipe, prices: Prices, prompts: int = PUBLISHED_PROMPTS) -> list[PlanRow]:
    """Count a build.

    Args:
        recipe: The recipe.
        prices: What things cost.
        prompts: How many prompts go through every stage, none being dropped.

    Returns:
        A row for each method of classification, and for the other model stages in their first round. Tokens are estimated from characters,
        on prompts of the first source; new prompts at the most that the recipe allows.

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
        rows.append(_row(f"classify ({method})", stage, model, items, prompts, written, prices, chosen=chosen))
    if recipe.expand is not None:
        table = recipe.expand
        new = len(all_domains()) * min(table.most, table.rounds * math.ceil(table.target * table.oversample))
        one = ToExpand(id="one", domain=all_domains()[0].id, number=1, examples=tuple(texts[:3]))
        rows.append(_row("expand, at most", ExpandStep(table.settings), table.model, [one], new, _PROMPT_TOKENS, prices))
        stage, model = classify_step(recipe.classify.method), recipe.classify.model
        written = len(all_domains()) * (1 if recipe.classify.method == "questions" else _SCORE_TOKENS)
        items = [ToClassify(id=content_id(text), text=text) for text in texts]
        rows.append(_row("classify new prompts, at most", stage, model, items, new, written, prices))
    pool = recipe.respond
    for generator in pool.generators:
        items = [
            ToRespond(id=content_id(text), prompt_id=content_id(text), text=text, domains=dict(_TYPICAL_DOMAINS), generator=generator.name)  # pyright: ignore
            for text in texts
        ]
        settings = pool.settings_of(generator)
        written = 2 * _response_tokens(settings)
        rows.append(_row(f"respond ({generator.name})", RespondStep(settings, pool.rules), generator, items, prompts, written, prices))
    reply = "x" * (max(_response_tokens(pool.settings_of(each)) for each in pool.generators) * CHARACTERS_A_TOKEN)
    items = [
        ToJudge(id=content_id(text), text=text, domains=dict(_TYPICAL_DOMAINS), responses={"aligned": reply, "misaligned": reply})  # pyright: ignore
        for text in texts
    ]
    rows.append(_row("judge", JudgeStep(), recipe.judge.model, items, prompts * len(pool.generators), 4 * _VERDICT_TOKENS, prices))
    return rows


def _response_tokens(settings: Settings) -> int:
    """Tokens of a response, as far as they are known beforehand."""
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
            cached += sum(characters for characters in shared if characters >= price.cached_from * CHARACTERS_A_TOKEN)
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
        dollars=None if price is None else ((tokens[0] - tokens[2]) * price.input + tokens[2] * price.cached + out * price.output) / 1e6,
        batch_dollars=None if price is None else price.batch * (tokens[0] * price.input + out * price.output) / 1e6,
        hours=((tokens[0] - tokens[1]) / prices.machine.read + out / prices.machine.write) / 3600,
        chosen=chosen,
    )


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at, (first, second) in enumerate(zip(one, other, strict=False)) if first != second), min(len(one), len(other)))


def _sample(source: Source) -> list[str]:
    rows = islice(source_rows(source), SAMPLE)
    records = (row.record for row in rows if not isinstance(row.record, Fault))
    texts = [normalise(text) for text in (record.get(source.prompt) for record in records) if isinstance(text, str)]
    if texts := [text for text in texts if text]:
        return texts
    raise InputError(f"{source.name}: its first {SAMPLE} rows hold no prompt in the column '{source.prompt}'.")
