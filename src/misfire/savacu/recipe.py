"""The recipe of a build: one TOML file that says everything, checked before anything is done."""

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from misfire.datasets.json_rows import names_in
from misfire.datasets.record_errors import field_problems, raise_problems
from misfire.datasets.user_files import read_user_text
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.savacu.calls import Overrides, Settings
from misfire.savacu.near_duplicates.neighbors import MAX_TAU
from misfire.savacu.prompting.classify import DELTA, Method
from misfire.savacu.prompting.judge import ROUNDS
from misfire.savacu.rules import Rules
from misfire.savacu.sources import Filters, Source

ADVICE = "docs/savacu.md has all tables and fields of a recipe."

PUBLISHED_TAU = 10
"""The paper's τ."""

RECOMMENDED_TAU = 3
"""Ours, from pairs read by hand: docs/savacu.md has the counts."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""Lower-case letters, digits and '-': fit for ids and names of files."""

_Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[int, Field(ge=1, le=10**9)]
_Tau = Annotated[int, Field(ge=0, le=MAX_TAU)]


def _number_or_none(low: float, high: float, *, whole: bool) -> BeforeValidator:
    """Checks a setting of calls: a number in a range, or the word ``none``; its error is one sentence, not one for each kind."""
    kinds = (int,) if whole else (int, float)

    def check(value: object) -> object:
        if value is None or value == "none":  # null is the default; TOML has no null
            return value
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            number = "whole number" if whole else "number"
            raise ValueError(f'a {number} from {low:g} to {high:g} was expected, or "none" to send none (got {str(value)[:50]!r})')
        return value if whole else float(value)

    return BeforeValidator(check)


_Temperature = Annotated[float | Literal["none"], _number_or_none(0, 2, whole=False)]
_TopP = Annotated[float | Literal["none"], _number_or_none(0, 1, whole=False)]
_MaxTokens = Annotated[int | Literal["none"], _number_or_none(1, 10**9, whole=True)]


def _unset() -> Any:  # noqa: ANN401 (pydantic's field)
    """A field without a value of its own, which stays out of the recipe's hash: builds from before there was such a field go on."""
    return Field(default=None, exclude_if=lambda value: value is None)


_SECRET = re.compile(
    r"api_?key|access_?key|secret|passw|credential|bearer|authorization|cookie|token$|(^|[_-])(auth|key|headers)$", re.IGNORECASE
)

# a place on a machine: what begins with a slash, ~, a drive's letter or file:, up to its last part
_PLACE = re.compile(r"(?<![\w.:/])(?:file:/*|~|[A-Za-z]:)?[/\\](?:[^\s,;=/\\]*[/\\])*|(?<=/)/(?:[^\s,;=/\\]*[/\\])*")
_WHOLE_PLACE = re.compile(r"(?:file:/*|~|[A-Za-z]:)?[/\\]|file:")
_ADDRESS = re.compile(r"\b(?!file:)[a-z][a-z0-9+.-]{0,30}://\S*", re.IGNORECASE)

# of names of models: what says how they are served, and of when they are
_SERVED = re.compile(
    r"(:[\w.-]+|@[\w.-]+|-(latest|\d{4}-\d{2}-\d{2}|\d{8}|v\d+|awq|gptq|gguf|fp8|fp16|bf16|int4|int8|[48]bit|quantized|bnb[\w-]*))$"
)
_VENDOR = re.compile(r"^(?:[a-z]{2}\.)?(anthropic|meta|mistral|amazon|cohere|ai21|deepseek|openai|qwen)\.")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ModelSpec(_Table):
    """A model as Inspect knows it.

    Attributes:
        model: Its name with the provider, for example "openai/gpt-4o-mini".
        base_url: Where it is served; none for the provider's own place. The Ray runner needs it, with an OpenAI-compatible server there.
        args: Arguments of the provider (Inspect's -M).
        connections: Calls at a time; none for the provider's own limit.
    """

    model: Annotated[str, StringConstraints(pattern=r"^[^/\s]+/\S+$", max_length=500)]
    base_url: str | None = None
    args: dict[str, Any] = {}
    connections: _Positive | None = None

    @field_validator("args")
    @classmethod
    def _no_secrets(cls, value: dict[str, Any]) -> dict[str, Any]:
        if secrets := [name for name in names_in(value) if _SECRET.search(name)]:
            raise ValueError(
                f"'{secrets[0]}' looks like a secret; a recipe is kept and shown. Give it by the provider's environment variable"
            )
        return value

    @field_validator("base_url")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value is not None and ("@" in (value.partition("://")[2] or value).partition("/")[0] or "?" in value):
            raise ValueError(
                "holds a name, a password or a query; a recipe is kept and shown. Give it by the provider's environment variable"
            )
        return value

    @property
    def weights(self) -> str:
        """The model whoever serves it, as far as its name tells: the last part, in lower case, without dates and kinds of weights."""
        name = _VENDOR.sub("", self.model.rstrip("/").rpartition("/")[2].lower())
        while (shorter := _SERVED.sub("", name)) != name:
            name = shorter
        return name

    @property
    def shown(self) -> str:
        """The model as a data set names it: without places of a machine."""
        return public_text(self.model)


def public_text(text: str) -> str:
    """A text as it is published.

    Args:
        text: A text of a recipe.

    Returns:
        The text without addresses of servers; of a place on a machine (absolute, in the home folder, or a relative one that is there) the
        last part is left.
    """
    if text.strip() and ("/" in text or "\\" in text) and "\n" not in text and len(text) < 1000 and _is_there(text):
        return Path(text).name
    if _WHOLE_PLACE.match(text):
        return re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    return _PLACE.sub("", _ADDRESS.sub("(address)", text))


def _is_there(text: str) -> bool:
    try:
        return user_path(text).exists()
    except (InputError, OSError):  # no file can be called so
        return False


class Ingest(_Table):
    """Table [ingest]: where prompts are from, and which are taken.

    Attributes:
        sources: Where from.
        filters: Which texts.
    """

    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    filters: Filters = Filters()

    @field_validator("sources", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


class LabelledFile(_Table):
    """Table [classify.calibration]: prompts with known labels.

    Attributes:
        path: JSONL, Parquet or CSV.
        prompt: The column of the prompt.
        safety: The column of its safety domains: names or ids with ';' between, "None" for none; a row whose label is the classifier's
            reject ("Unknown") is not known in this dimension.
        value: The same for the value domains.
        culture: The same for the cultural domains.
    """

    path: str
    prompt: str = "prompt"
    safety: str = "safety"
    value: str = "value"
    culture: str = "culture"


class Classify(_Table):
    """Table [classify].

    Attributes:
        model: The classifier.
        method: "questions" (exact, 111 calls a prompt, for providers with log-probabilities) or "scores" (3 calls a prompt).
        delta: The probability at which a domain holds.
        calibration: Labelled prompts; with them each domain that has enough gets a threshold of its own.
        temperature: Of the classifier, or "none" to send none; 0 unless told.
        max_tokens: Longest reply, or "none" to send no limit; what the method needs unless told.
    """

    model: ModelSpec
    method: Method = "questions"
    delta: _Share = DELTA
    calibration: LabelledFile | None = None
    temperature: _Temperature | None = _unset()
    max_tokens: _MaxTokens | None = _unset()

    @property
    def overrides(self) -> Overrides | None:
        """What goes with the classifier's calls in place of the method's own settings; none if nothing does."""
        return _overrides(temperature=self.temperature, max_tokens=self.max_tokens)


class Expand(_Table):
    """Table [expand]; without it nothing is expanded.

    Attributes:
        model: The writer of new prompts.
        target: So many prompts a domain are wanted.
        oversample: So many are asked for each that is missing.
        most: At most so many a domain are asked for in all.
        rounds: So often it is asked at most, each time for what is still missing.
        temperature: Of the writer, or "none" to send none.
        top_p: Of the writer; 1 or "none" to send none.
        max_tokens: Longest new prompt, or "none" to send no limit.
    """

    model: ModelSpec
    target: _Positive
    oversample: Annotated[float, Field(ge=1, le=10)] = 1.5
    most: _Positive = 2000
    rounds: Annotated[int, Field(ge=1, le=10)] = 3
    temperature: _Temperature = 1.0
    top_p: _TopP = 0.95
    max_tokens: _MaxTokens = 200

    @property
    def settings(self) -> Settings:
        """How new prompts are generated."""
        return _settings(self)


class Dedup(_Table):
    """Table [dedup].

    Attributes:
        tau: Of prompts whose fingerprints differ in at most so many of 64 bits, one stays.
    """

    tau: _Tau = RECOMMENDED_TAU


class Generator(ModelSpec):
    """Table [[respond.generators]].

    Attributes:
        name: What ids of instances call it.
        temperature: Its own, or "none" to send none; that of [respond] unless told.
        top_p: The same.
        max_tokens: The same.
    """

    name: Name
    temperature: _Temperature | None = _unset()
    top_p: _TopP | None = _unset()
    max_tokens: _MaxTokens | None = _unset()


class Respond(_Table):
    """Table [respond].

    Attributes:
        generators: The pool; each writes both responses to every prompt.
        temperature: As published; "none" to send none.
        top_p: As published; 1 or "none" to send none.
        max_tokens: As published; "none" to send no limit.
        rounds: How often a rejected pair goes back to its generator, at most.
        rules: What rules reject.
    """

    generators: Annotated[tuple[Generator, ...], Field(min_length=1)]
    temperature: _Temperature = 0.7
    top_p: _TopP = 0.9
    max_tokens: _MaxTokens = 512
    rounds: Annotated[int, Field(ge=0, le=5)] = ROUNDS
    rules: Rules = Rules()

    @field_validator("generators", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [generator.name for generator in self.generators]
        if len(set(names)) < len(names):
            raise ValueError("two generators have the same name")
        return self

    def settings_of(self, generator: Generator) -> Settings:
        """How responses of a generator are generated."""
        own = Overrides(temperature=generator.temperature, top_p=generator.top_p, max_tokens=generator.max_tokens)
        return own.on(_settings(self))


class JudgeTable(_Table):
    """Table [judge].

    Attributes:
        model: The evaluator.
        temperature: Of the evaluator, or "none" to send none; 0 unless told.
        max_tokens: Longest verdict, or "none" to send no limit; 200 unless told.
    """

    model: ModelSpec
    temperature: _Temperature | None = _unset()
    max_tokens: _MaxTokens | None = _unset()

    @property
    def overrides(self) -> Overrides | None:
        """What goes with the evaluator's calls in place of the stage's own settings; none if nothing does."""
        return _overrides(temperature=self.temperature, max_tokens=self.max_tokens)


def _overrides(**told: Any) -> Overrides | None:  # noqa: ANN401 (fields of Overrides)
    return None if all(value is None for value in told.values()) else Overrides(**told)


def _settings(table: Expand | Respond) -> Settings:
    nothing = Settings(temperature=None, max_tokens=None)
    return Overrides(temperature=table.temperature, top_p=table.top_p, max_tokens=table.max_tokens).on(nothing)


class Split(_Table):
    """Table [split].

    Attributes:
        salt: Another salt, another split.
        tau: Prompts whose fingerprints hang together at this radius are in the same split, so that none leaks.
        previous: A data set built before (its folder): what was in it keeps its split.
    """

    salt: str = "savacu"
    tau: _Tau = PUBLISHED_TAU
    previous: str | None = None


class Publish(_Table):
    """Table [publish].

    Attributes:
        name: Of the data set.
        licence: Under which it is given, as the hub names it; you must know that the sources' licences allow it.
        prompt_licence: What is known of the licence of the prompts.
        rows_per_file: Rows of a Parquet file at most.
        repository: Data set on the hub, with its owner; used with --push alone.
        private: Whether it is made private there.
    """

    name: Name = "savacu"
    licence: str = "unknown"
    prompt_licence: str = "unknown"
    rows_per_file: _Positive = 50_000
    repository: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    private: bool = True


class Recipe(_Table):
    """The whole of it.

    Attributes:
        shard_size: Items of one shard: what one Inspect task holds in memory and in its log.
    """

    shard_size: Annotated[int, Field(ge=1, le=50_000)] = 5000
    ingest: Ingest
    classify: Classify
    expand: Expand | None = None
    dedup: Dedup = Dedup()
    respond: Respond
    judge: JudgeTable
    split: Split = Split()
    publish: Publish = Publish()

    @property
    def hash(self) -> str:
        """SHA-256 over all that it says, defaults too; layout and comments of the file do not matter."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def check_roles(self) -> None:
        """Refuse one model in two of the roles classifier, generator and evaluator: each would judge its own work.

        Raises:
            InputError: A model is in two roles. The same weights at two providers count as the same, as far as names tell.
        """
        roles = [("the classifier", self.classify.model), ("the evaluator", self.judge.model)]
        roles += [(f"the generator '{generator.name}'", generator) for generator in self.respond.generators]
        if self.expand is not None:
            roles.append(("the writer of new prompts", self.expand.model))
        clashes: list[str] = []
        for place, (one, first) in enumerate(roles):
            for other, second in roles[place + 1 :]:
                together = {one, other}
                allowed = all(role.startswith(("the generator", "the writer")) for role in together)
                if first.weights == second.weights and not allowed:
                    clashes.append(f"{one} and {other} are both {second.model}")
        if clashes:
            raise InputError(
                "Classifier, generators and evaluator must be different models, or each would judge its own work: "
                + "; ".join(clashes)
                + ". Name other models, or try it out with --allow-same-model."
            )


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Args:
        path: A TOML file. Paths in it are relative to the folder where the command is typed, or absolute.

    Returns:
        The recipe.

    Raises:
        InputError: It cannot be read, is no TOML, or has a field that is unknown, missing or wrong; all such are named together.
    """
    path = user_path(str(path))
    try:
        told = tomllib.loads(read_user_text(path))
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, and tables within tables, too
        raise InputError(f"{path}: not TOML that can be read: {error}.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}). It should hold a recipe as TOML.") from error
    try:
        return Recipe.model_validate(told)
    except ValidationError as error:
        problems = [f"field '{field}': {message}" if field else message for field, message in field_problems(error)]
        raise_problems(path, problems, ADVICE)
        raise AssertionError from error  # raise_problems raised: there was a problem
