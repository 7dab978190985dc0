"""The recipe of a build: one TOML file with all settings, which is validated before the build starts."""

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from misfire.datasets.json_rows import names_in
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.savacu.calls import Overrides, Settings
from misfire.savacu.near_duplicates.neighbors import MAX_TAU
from misfire.savacu.prompting.classify import DELTA, Method
from misfire.savacu.prompting.judge import ROUNDS
from misfire.savacu.rules import Rules
from misfire.savacu.sources import Filters, Source
from misfire.savacu.toml_files import read_toml

ADVICE = "docs/savacu.md lists all tables and fields of a recipe."

PUBLISHED_TAU = 10
"""The value of τ in the paper."""

RECOMMENDED_TAU = 3
"""Our value of τ, chosen by reading pairs of prompts; docs/savacu.md has the counts."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""Lower-case letters, digits, and '-', so that the name can be part of ids and file names."""

_Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[int, Field(ge=1, le=10**9)]
_Tau = Annotated[int, Field(ge=0, le=MAX_TAU)]


def _number_or_none(low: float, high: float, *, whole: bool) -> BeforeValidator:
    """Validate a call setting: a number in a range, or the word "none".

    An error is one sentence, not one for each accepted type.
    """
    kinds = (int,) if whole else (int, float)

    def check(value: object) -> object:
        if value is None or value == "none":  # null is the default; TOML has no null
            return value
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            number = "whole number" if whole else "number"
            raise ValueError(
                f'a {number} from {low:g} to {high:g} was expected, or "none" to send none (got '
                f"{str(value)[:50]!r})"
            )
        return value if whole else float(value)

    return BeforeValidator(check)


_Temperature = Annotated[float | Literal["none"], _number_or_none(0, 2, whole=False)]
_TopP = Annotated[float | Literal["none"], _number_or_none(0, 1, whole=False)]
_MaxTokens = Annotated[int | Literal["none"], _number_or_none(1, 10**9, whole=True)]


def _unset() -> Any:  # noqa: ANN401 (pydantic's field)
    """An optional field that is left out of the hash of the recipe when it is not set.

    So older builds can be resumed.
    """
    return Field(default=None, exclude_if=lambda value: value is None)


_SECRET = re.compile(
    r"api_?key|access_?key|secret|passw|credential|bearer|authorization|cookie|token$|(^|[_-])(auth|key"
    r"|headers)$",
    re.IGNORECASE,
)

# a path on a machine begins with a slash, ~, a drive letter, or file:; this matches all of it except the last
# part
_PLACE = re.compile(
    r"(?<![\w.:/])(?:file:/*|~|[A-Za-z]:)?[/\\](?:[^\s,;=/\\]*[/\\])*|(?<=/)/(?:[^\s,;=/\\]*[/\\])*"
)
_WHOLE_PLACE = re.compile(r"(?:file:/*|~|[A-Za-z]:)?[/\\]|file:")
_ADDRESS = re.compile(r"\b(?!file:)[a-z][a-z0-9+.-]{0,30}://\S*", re.IGNORECASE)

# suffixes of model names that say how a model is served (weight format) or when it was released
_SERVED = re.compile(
    r"(:[\w.-]+|@[\w.-]+|-(latest|\d{4}-\d{2}-\d{2}|\d{8}|v\d+|awq|gptq|gguf|fp8|fp16|bf16|int4|int8|[48]bit"
    r"|quantized|bnb[\w-]*))$"
)
_VENDOR = re.compile(r"^(?:[a-z]{2}\.)?(anthropic|meta|mistral|amazon|cohere|ai21|deepseek|openai|qwen)\.")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ModelSpec(_Table):
    """A model in Inspect.

    Attributes:
        model: Name of the model with its provider, for example "openai/gpt-4o-mini".
        base_url: URL of the server; None for the default of the provider. The Ray runner needs the URL of an
            OpenAI-compatible server.
        args: Arguments for the provider (Inspect's -M).
        connections: Maximum number of concurrent calls; None for the default of the provider.
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
                f"'{secrets[0]}' looks like a secret; a recipe is kept and shown. Give it by the provider's "
                "environment variable"
            )
        return value

    @field_validator("base_url")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value is not None and (
            "@" in (value.partition("://")[2] or value).partition("/")[0] or "?" in value
        ):
            raise ValueError(
                "holds a name, a password or a query; a recipe is kept and shown. Give it by the provider's "
                "environment variable"
            )
        return value

    @property
    def weights(self) -> str:
        """Name of the model independent of its provider.

        It is the last part of the name, in lower case, without date and weight format.
        """
        name = _VENDOR.sub("", self.model.rstrip("/").rpartition("/")[2].lower())
        while (shorter := _SERVED.sub("", name)) != name:
            name = shorter
        return name

    @property
    def shown(self) -> str:
        """Name of the model for publication, without paths of this machine."""
        return public_text(self.model)


def public_text(text: str) -> str:
    """Prepare a text of a recipe for publication.

    Server addresses are removed. Of a path (absolute, in the home folder, or relative and existing) only the
    last part is kept.
    """
    if (
        text.strip()
        and ("/" in text or "\\" in text)
        and "\n" not in text
        and len(text) < 1000
        and _is_there(text)
    ):
        return Path(text).name
    if _WHOLE_PLACE.match(text):
        return re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    return _PLACE.sub("", _ADDRESS.sub("(address)", text))


def _is_there(text: str) -> bool:
    try:
        return user_path(text).exists()
    except (InputError, OSError):  # the text cannot be a file name
        return False


class Ingest(_Table):
    """Table [ingest]: the sources of prompts and the filters that prompts must pass."""

    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    filters: Filters = Filters()

    @field_validator("sources", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


class LabeledFile(_Table):
    """Table [classify.calibration]: prompts with known labels.

    Attributes:
        path: A JSONL, Parquet, or CSV file.
        prompt: The column that contains the prompt.
        safety: The column that contains the safety domains: names or ids separated by ';', or "None". If the
            label is "Unknown" (no answer from the original classifier), the dimension is unknown for this
            row.
        value: The column that contains the value domains, in the same format.
        culture: The column that contains the cultural domains, in the same format.
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
        method: "questions" (exact, 111 calls per prompt, for providers that return log-probabilities) or
            "scores" (3 calls per prompt).
        delta: Minimum probability for a prompt to touch a domain.
        calibration: Labeled prompts. Each domain with enough of them gets its own threshold.
        temperature: Temperature of the classifier, or "none" to send none. The default is 0.
        max_tokens: Maximum length of a reply, or "none" to send no limit. The default depends on the method.
    """

    model: ModelSpec
    method: Method = "questions"
    delta: _Share = DELTA
    calibration: LabeledFile | None = None
    temperature: _Temperature | None = _unset()
    max_tokens: _MaxTokens | None = _unset()

    @property
    def overrides(self) -> Overrides | None:
        """Settings that override those of the method; None if there are none."""
        return _overrides(temperature=self.temperature, max_tokens=self.max_tokens)


class Expand(_Table):
    """Table [expand]. Without this table, no new prompts are written.

    Attributes:
        model: The model that writes new prompts.
        target: Number of prompts wanted for each domain.
        oversample: Number of prompts to request for each missing prompt.
        most: Maximum number of prompts to request for each domain, in all rounds together.
        rounds: Maximum number of rounds. Each round requests the prompts that are still missing.
        temperature: Temperature of the writer, or "none" to send none.
        top_p: Top-p of the writer; 1 or "none" sends none.
        max_tokens: Maximum length of a new prompt, or "none" to send no limit.
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
        tau: Maximum number of bits (of 64) in which the fingerprints of two near-duplicates differ. One of
            them is kept.
    """

    tau: _Tau = RECOMMENDED_TAU


class Generator(ModelSpec):
    """Table [[respond.generators]].

    Attributes:
        name: Name of the generator in ids of instances.
        temperature: Temperature of this generator, or "none" to send none. The default is that of [respond].
        top_p: Top-p of this generator, likewise.
        max_tokens: Maximum length of a response of this generator, likewise.
    """

    name: Name
    temperature: _Temperature | None = _unset()
    top_p: _TopP | None = _unset()
    max_tokens: _MaxTokens | None = _unset()


class Respond(_Table):
    """Table [respond].

    Attributes:
        generators: The generators. Each one writes both responses to every prompt.
        temperature: Temperature, or "none" to send none. The default is the published value.
        top_p: Top-p; 1 or "none" sends none. The default is the published value.
        max_tokens: Maximum length of a response, or "none" to send no limit. The default is the published
            value.
        rounds: Maximum number of times that a rejected pair goes back to its generator.
        rules: Settings of the rules that reject responses.
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
        """Return the settings with which a generator writes responses."""
        own = Overrides(
            temperature=generator.temperature, top_p=generator.top_p, max_tokens=generator.max_tokens
        )
        return own.on(_settings(self))


class JudgeTable(_Table):
    """Table [judge].

    Attributes:
        model: The evaluator.
        temperature: Temperature of the evaluator, or "none" to send none. The default is 0.
        max_tokens: Maximum length of a verdict, or "none" to send no limit. The default is 200.
    """

    model: ModelSpec
    temperature: _Temperature | None = _unset()
    max_tokens: _MaxTokens | None = _unset()

    @property
    def overrides(self) -> Overrides | None:
        """Settings that override those of the stage; None if there are none."""
        return _overrides(temperature=self.temperature, max_tokens=self.max_tokens)


def _overrides(**values: Any) -> Overrides | None:  # noqa: ANN401 (fields of Overrides)
    return None if all(value is None for value in values.values()) else Overrides(**values)


def _settings(table: Expand | Respond) -> Settings:
    nothing = Settings(temperature=None, max_tokens=None)
    return Overrides(temperature=table.temperature, top_p=table.top_p, max_tokens=table.max_tokens).on(
        nothing
    )


class Split(_Table):
    """Table [split].

    Attributes:
        salt: Text that seeds the split. A different salt gives a different split.
        tau: Prompts that are connected by near-duplicates at this radius are put in the same split, so that
            none leaks.
        previous: Folder of a data set that was built earlier. Its prompts keep their splits.
    """

    salt: str = "savacu"
    tau: _Tau = PUBLISHED_TAU
    previous: str | None = None


class Publish(_Table):
    """Table [publish].

    Attributes:
        name: Name of the data set.
        licence: License of the data set, as an identifier of the Hugging Face Hub. Check that the licenses of
            the sources allow it.
        prompt_licence: License of the prompts, as far as it is known.
        rows_per_file: Maximum number of rows of a Parquet file.
        repository: Name of the data set on the Hub, with its owner. It is only used with --push.
        private: Whether the data set on the Hub is created as private.
    """

    name: Name = "savacu"
    licence: str = "unknown"
    prompt_licence: str = "unknown"
    rows_per_file: _Positive = 50_000
    repository: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    private: bool = True


class Recipe(_Table):
    """A complete recipe.

    Attributes:
        shard_size: Number of items in a shard. One Inspect task holds all items of a shard in memory and in
            its log.
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
        """SHA-256 hash of all settings, including defaults.

        The layout and comments of the file do not affect it.
        """
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def check_roles(self) -> None:
        """Raise an error if one model has two of the roles classifier, generator, and evaluator.

        Such a model would judge its own work.

        Raises:
            InputError: A model has two roles. Models of different providers count as the same if their names
                say so.
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
                "Classifier, generators and evaluator must be different models, because a model must not "
                "judge its own work: "
                + "; ".join(clashes)
                + ". Use other models, or pass --allow-same-model for a trial."
            )


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Args:
        path: A TOML file. Relative paths in it are relative to the current working directory.

    Raises:
        InputError: The file cannot be read, is not valid TOML, or has fields that are unknown, missing, or
            invalid. The error lists all of these fields.
    """
    return read_toml(path, Recipe, "a recipe", ADVICE)
