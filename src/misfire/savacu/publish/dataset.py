"""The finished data set: Parquet shards by split with provenance by row, a card, Croissant metadata, and on request a push to the hub."""

# pyarrow and huggingface_hub are typed in part
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import heapq
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from misfire import __version__
from misfire.datasets.folders import FolderKind, replaced_folder
from misfire.datasets.misalign.instances import SPLITS, Instance, Split
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.datasets.parquet import stream_parquet
from misfire.errors import InputError
from misfire.savacu.calls import Record
from misfire.savacu.prompts import one_line
from misfire.savacu.publish.croissant import FileEntry, croissant
from misfire.savacu.recipe import Recipe, public_text
from misfire.savacu.stages.classify import classify_stage
from misfire.savacu.stages.expand import EXPANSION, Expand
from misfire.savacu.stages.judge import Judge
from misfire.savacu.stages.respond import Respond

if TYPE_CHECKING:
    from misfire.savacu.build import Build, KeptPrompt, Pair

DATASET = FolderKind(
    "data set",
    re.compile(r"README\.md|(croissant|recipe|calibration|report)\.json|data/[^/]+\.parquet"),
    "move them away, and run --stages publish. The stages before are kept.",
)
"""The folder of a data set."""

CARD = Path(__file__).with_name("card.md.jinja")
"""The data set's card, to be filled in."""

COLUMNS: dict[str, str] = {
    "id": "Content id of the prompt and name of the generator",
    "prompt": "What a user asks, in normal form",
    "aligned": "A response that the evaluator found aligned in every dimension that the prompt touches",
    "misaligned": "A response that the evaluator found misaligned in at least one of them",
    "safety": "Ids of the safety domains that the prompt touches",
    "value": "Ids of the value domains",
    "culture": "Ids of the cultural domains",
    "split": "train, validation or test",
    "provenance": "Where the instance is from, in words",
    "prompt_id": "Content id of the prompt",
    "prompt_source": "File or data set of the prompt, or 'expansion'",
    "prompt_place": "Row of the prompt there",
    "prompt_licence": "What is known of the licence of the prompt",
    "prompt_writer": "The model that wrote the prompt, where it is an expansion",
    "prompt_writer_settings": "Its settings, as JSON",
    "classifier": "The model that labelled the prompt",
    "classify_method": "questions or scores",
    "calibration": "Short hash of the calibration (calibration.json) that gave the thresholds; empty if delta is every domain's",
    "delta": "Threshold of domains without one of their own",
    "generator": "Name of the generator in the recipe",
    "generator_model": "The model that wrote both responses",
    "temperature": "Of the generator; empty if none was sent",
    "top_p": "Of the generator; 1 if none was sent",
    "max_tokens": "Of the generator; empty if none was sent",
    "evaluator": "The model that judged both responses",
    "aligned_round": "Round in which the aligned response was written; 0 is the first",
    "misaligned_round": "Round in which the misaligned response was written",
    "stage_versions": "Versions of the stages' prompts and parsers",
    "recipe": "SHA-256 of the recipe",
    "suite_version": "Version of misfire",
}
"""The columns of the data set, with what they mean."""

_SPECIAL = re.compile(r"([\\`*\[\]<>#|~$&])")
"""What means something in a line of Markdown."""

_LISTS = ("safety", "value", "culture")
_NUMBERS = ("max_tokens", "aligned_round", "misaligned_round")
_FRACTIONS = ("delta", "temperature", "top_p")


class PublishReport(Record):
    """What was written.

    Attributes:
        rows: By split.
        prompts: Different prompts, by split.
        generators: Rows by generator.
        domains: Rows by domain.
        dimensions: Rows by how many dimensions they touch.
        files: The Parquet files.
    """

    rows: dict[Split, int]
    prompts: dict[Split, int]
    generators: dict[str, int]
    domains: dict[str, int]
    dimensions: dict[int, int]
    files: tuple[FileEntry, ...]


def write_dataset(build: "Build") -> PublishReport:
    """Write the data set of a build into its folder ``dataset``; an earlier one is replaced when the new one is whole.

    Files in the folder that are not of the data set stay. Files of it that were edited are not replaced.

    Args:
        build: The build, with its split done.

    Returns:
        What was written.

    Raises:
        InputError: A stage before is not complete, the folder cannot be written, or files of it were edited.
    """
    splits = build.splits()
    counts: Counter[Split] = Counter(splits[pair.prompt_id] for pair in _passed(build, splits))
    if not counts:
        raise InputError(f"{build.folder}: no pair passed, so there is nothing to publish. `misfire savacu status` says why.")
    target, manifest = build.folder / "dataset", build.folder / "dataset.json"
    # versions before 0.2 wrote no manifest; their report says that the folder is theirs
    earlier = not manifest.exists() and (target / "report.json").is_file()
    with replaced_folder(target, DATASET, overwrite=earlier, manifest=manifest) as new:
        (new / "data").mkdir()
        report = _write_rows(build, splits, counts, new)
        (new / "README.md").write_text(card(build, report), encoding="utf-8")
        told = build.recipe.publish
        metadata = croissant(told.name, told.licence, told.repository, build.recipe.hash, report.files, COLUMNS, _kinds())
        (new / "croissant.json").write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
        (new / "recipe.json").write_text(json.dumps(public_recipe(build.recipe), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if build.calibration is not None:
            (new / "calibration.json").write_text(build.calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (new / "report.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report


def public_recipe(recipe: Recipe) -> dict[str, Any]:
    """A recipe as it is published: without places of the builder's machine.

    Args:
        recipe: The recipe.

    Returns:
        The recipe as JSON, each text as ``public_text`` gives it, and without addresses of servers.
    """

    def shown(value: Any) -> Any:  # noqa: ANN401 (JSON)
        if isinstance(value, dict):
            return {name: shown(field) for name, field in cast("dict[str, Any]", value).items() if name != "base_url"}
        if isinstance(value, list):
            return [shown(entry) for entry in cast("list[Any]", value)]
        return public_text(value) if isinstance(value, str) else value

    return shown(recipe.model_dump(mode="json"))


class PublishedPrompt(Record):
    """A prompt of a data set that was published before.

    Attributes:
        id: Content id.
        text: The prompt.
        split: Its split.
    """

    id: str
    text: str
    split: Split


def published_prompts(folder: Path) -> list[PublishedPrompt]:
    """The prompts of a data set that was published before.

    Args:
        folder: Its folder, or one with its Parquet files.

    Returns:
        By their ids, each once.

    Raises:
        InputError: There are no such files, or a prompt is in two splits.
    """
    found: dict[str, PublishedPrompt] = {}
    files = sorted(folder.rglob("*.parquet"))
    advice = "[split] previous should name the folder of a data set that was published before, such as build/dataset."
    if not files:
        raise InputError(f"{folder}: holds no Parquet files. {advice}")
    for file in files:
        try:
            for row in stream_parquet(file, ["prompt_id", "prompt", "split"]):
                told = PublishedPrompt.model_validate({"id": row["prompt_id"], "text": row["prompt"], "split": row["split"]})
                other = found.setdefault(told.id, told)
                if other != told:
                    raise InputError(f"{file}: prompt {told.id} has the split {told.split!r}, and {other.split!r} elsewhere.")
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InputError(f"{file}: is no file of a published data set ({reason}). {advice}") from error
    return [found[name] for name in sorted(found)]


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Put a written data set on the hub.

    Args:
        folder: The build's folder.
        repository: The data set there, with its owner; made if it is not there.
        private: Whether it is made private.

    Returns:
        Where it is.

    Raises:
        InputError: It is not written yet, or the hub refuses.
    """
    from huggingface_hub import HfApi

    dataset = folder / "dataset"
    if not (dataset / "README.md").exists():
        raise InputError(f"{folder}: there is no data set to push. Run the stage 'publish' first.")
    try:
        api = HfApi()
        api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        return str(
            api.upload_folder(repo_id=repository, repo_type="dataset", folder_path=dataset, commit_message="Data set by misfire savacu")
        )
    except Exception as error:  # the client raises many kinds; each means that it was not pushed
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{repository}: could not be pushed: {reason}") from error


def card(build: "Build", report: PublishReport) -> str:
    """The data set's card: a front matter that the hub reads, and what there is to know.

    Args:
        build: The build.
        report: What was written.

    Returns:
        Markdown.
    """
    from jinja2 import Environment, StrictUndefined

    recipe = build.recipe
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 (Markdown, of our own)
    environment.filters["shown"] = _shown
    return environment.from_string(CARD.read_text(encoding="utf-8")).render(
        name=recipe.publish.name,
        licence=recipe.publish.licence,
        language=recipe.ingest.filters.language or "mul",
        version=__version__,
        recipe=recipe,
        calibrated=build.calibration is not None,
        wide=max(recipe.split.tau, recipe.dedup.tau),
        total=sum(report.rows.values()),
        splits=[{"name": split, "rows": rows, "prompts": report.prompts[split]} for split, rows in report.rows.items()],
        touched=", ".join(f"{number}: {count:,}" for number, count in report.dimensions.items()),
        generators=[
            {"name": generator.name, "model": generator.shown, "rows": report.generators.get(generator.name, 0)}
            for generator in recipe.respond.generators
        ],
        columns=COLUMNS,
        domains=report.domains,
    )


def _shown(text: str) -> str:
    """A text of the recipe as Markdown shows it: one line, in which nothing is a link, a tag or a cell's end."""
    return _SPECIAL.sub(r"\\\1", one_line(text))


def _passed(build: "Build", splits: Mapping[str, Split]) -> Iterator["Pair"]:
    """The pairs that are published, in the order of their ids."""
    streams = [build.pairs_of(generator) for generator in build.recipe.respond.generators]
    return (pair for pair in heapq.merge(*streams, key=lambda pair: pair.id) if pair.passed and pair.prompt_id in splits)


def _row(build: "Build", pair: "Pair", prompt: "KeptPrompt", split: Split) -> dict[str, Any]:
    recipe = build.recipe
    generator = next(each for each in recipe.respond.generators if each.name == pair.generator)
    writer = recipe.expand if prompt.source == EXPANSION else None
    licences = {source.name: source.licence for source in recipe.ingest.sources if source.licence}
    versions = {"classify": classify_stage(recipe.classify.method).version, "respond": Respond.version, "judge": Judge.version}
    if writer is not None:
        versions = {"expand": Expand.version} | versions
    instance = Instance(
        id=pair.id,
        prompt=prompt.text,
        aligned=pair.drafts["aligned"].text,
        misaligned=pair.drafts["misaligned"].text,
        safety=prompt.domains.get("safety", ()),
        value=prompt.domains.get("value", ()),
        culture=prompt.domains.get("culture", ()),
        split=split,
        provenance=f"misfire savacu, recipe {recipe.hash[:12]}, generator {generator.shown}",
    )
    settings = recipe.respond.settings_of(generator)
    return instance.model_dump() | {
        "prompt_id": prompt.id,
        "prompt_source": prompt.source,
        "prompt_place": prompt.place,
        "prompt_licence": f"written by {writer.model.shown}" if writer else licences.get(prompt.source, recipe.publish.prompt_licence),
        "prompt_writer": writer.model.shown if writer else None,
        "prompt_writer_settings": writer.settings.model_dump_json(exclude_none=True) if writer else None,
        "classifier": recipe.classify.model.shown,
        "classify_method": recipe.classify.method,
        "calibration": build.calibration.name if build.calibration else None,
        "delta": recipe.classify.delta,
        "generator": generator.name,
        "generator_model": generator.shown,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_tokens": settings.max_tokens,
        "evaluator": recipe.judge.model.shown,
        "aligned_round": pair.drafts["aligned"].round,
        "misaligned_round": pair.drafts["misaligned"].round,
        "stage_versions": " ".join(f"{name}={version}" for name, version in versions.items()),
        "recipe": recipe.hash,
        "suite_version": __version__,
    }


def _kinds() -> dict[str, str]:
    return {
        name: "list" if name in _LISTS else "int" if name in _NUMBERS else "float" if name in _FRACTIONS else "text" for name in COLUMNS
    }


def _write_rows(build: "Build", splits: Mapping[str, Split], counts: Mapping[Split, int], folder: Path) -> PublishReport:
    """Write the rows of all splits, a file's rows in memory at a time, and count them."""
    prompts = {prompt.id: prompt for prompt in build.kept}
    size = build.recipe.publish.rows_per_file
    waiting: dict[Split, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    files: list[FileEntry] = []
    generators: Counter[str] = Counter()
    domains: Counter[str] = Counter()
    dimensions: Counter[int] = Counter()
    prompts_of: dict[Split, set[str]] = {split: set() for split in SPLITS}

    def write(split: Split) -> None:
        at = sum(file.split == split for file in files)
        files.append(_write_file(folder / "data" / f"{split}-{at:05d}-of-{-(-counts[split] // size):05d}.parquet", split, waiting[split]))
        waiting[split] = []

    for pair in _passed(build, splits):
        split = splits[pair.prompt_id]
        row = _row(build, pair, prompts[pair.prompt_id], split)
        waiting[split].append(row)
        prompts_of[split].add(pair.prompt_id)
        generators[pair.generator] += 1
        domains.update(str(name) for dimension in DIMENSIONS for name in row[dimension])
        dimensions[sum(bool(row[dimension]) for dimension in DIMENSIONS)] += 1
        if len(waiting[split]) == size:
            write(split)
    for split in SPLITS:
        if waiting[split]:
            write(split)
    return PublishReport(
        rows={split: counts[split] for split in SPLITS if counts[split]},
        prompts={split: len(prompts_of[split]) for split in SPLITS if counts[split]},
        generators=dict(sorted(generators.items())),
        domains=dict(sorted(domains.items())),
        dimensions=dict(sorted(dimensions.items())),
        files=tuple(sorted(files, key=lambda file: (SPLITS.index(file.split), file.name))),
    )


def _write_file(path: Path, split: Split, rows: list[dict[str, Any]]) -> FileEntry:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"list": pa.list_(pa.string()), "int": pa.int64(), "float": pa.float64(), "text": pa.string()}
    schema = pa.schema([(name, types[kind]) for name, kind in _kinds().items()])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(name=f"data/{path.name}", split=split, rows=len(rows), bytes=path.stat().st_size, sha256=digest)
