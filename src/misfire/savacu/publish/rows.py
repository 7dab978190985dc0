"""Writes the rows of a data set to Parquet files by split.

There is one row, with its provenance, for each pair that passed.
"""

# pyarrow has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from misfire import __version__
from misfire.datasets.misalign.instances import SPLITS, Instance, Split
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.savacu.build_view import BuildView
from misfire.savacu.calls import Record
from misfire.savacu.prompting.classify import classify_step
from misfire.savacu.prompting.expand import EXPANSION, ExpandStep
from misfire.savacu.prompting.judge import JudgeStep
from misfire.savacu.prompting.respond import RespondStep
from misfire.savacu.publish.croissant import FileEntry
from misfire.savacu.records import KeptPrompt, ResponsePair

COLUMNS: dict[str, str] = {
    "id": "Content id of the prompt and name of the generator",
    "prompt": "The request of a user, normalized",
    "aligned": "A response that the evaluator found aligned in every dimension that the prompt touches",
    "misaligned": "A response that the evaluator found misaligned in at least one of these dimensions",
    "safety": "Ids of the safety domains that the prompt touches",
    "value": "Ids of the value domains that the prompt touches",
    "culture": "Ids of the cultural domains that the prompt touches",
    "split": "train, validation or test",
    "provenance": "Where the instance comes from, as a sentence",
    "prompt_id": "Content id of the prompt",
    "prompt_source": "File or data set of the prompt, or 'expansion'",
    "prompt_place": "Row of the prompt in its source",
    "prompt_licence": "What is known about the license of the prompt",
    "prompt_writer": "The model that wrote the prompt, if it is an expansion",
    "prompt_writer_settings": "Settings of that model, as JSON",
    "classifier": "The model that labeled the prompt",
    "classify_method": "questions or scores",
    "calibration": (
        "Short hash of the calibration (calibration.json) that gave the thresholds; empty if "
        "every domain uses delta"
    ),
    "delta": "Threshold of domains without their own threshold",
    "generator": "Name of the generator in the recipe",
    "generator_model": "The model that wrote both responses",
    "temperature": "Sampling temperature of the generator; empty if none was sent",
    "top_p": "Top-p of the generator; 1 if none was sent",
    "max_tokens": "Token limit of the generator; empty if none was sent",
    "evaluator": "The model that judged both responses",
    "aligned_round": "Round in which the aligned response was written; 0 is the first",
    "misaligned_round": "Round in which the misaligned response was written",
    "stage_versions": "Versions of the stages' prompts and parsers",
    "recipe": "SHA-256 of the recipe",
    "suite_version": "Version of misfire",
}
"""The columns of the data set, with their descriptions."""

_LISTS = ("safety", "value", "culture")
_NUMBERS = ("max_tokens", "aligned_round", "misaligned_round")
_FRACTIONS = ("delta", "temperature", "top_p")


class PublishReport(Record):
    """The report of the stage "publish".

    Attributes:
        rows: Number of rows in each split.
        prompts: Number of distinct prompts in each split.
        generators: Number of rows from each generator.
        domains: Number of rows that touch each domain.
        dimensions: Number of rows by the number of dimensions that they touch.
        files: The Parquet files.
    """

    rows: dict[Split, int]
    prompts: dict[Split, int]
    generators: dict[str, int]
    domains: dict[str, int]
    dimensions: dict[int, int]
    files: tuple[FileEntry, ...]


def passed_pairs(view: BuildView, splits: Mapping[str, Split]) -> Iterator[ResponsePair]:
    """Iterate over the pairs to publish, in the order of their ids."""
    streams = [view.pairs_of(generator) for generator in view.recipe.respond.generators]
    return (
        pair
        for pair in heapq.merge(*streams, key=lambda pair: pair.id)
        if pair.passed and pair.prompt_id in splits
    )


def _row(view: BuildView, pair: ResponsePair, prompt: KeptPrompt, split: Split) -> dict[str, Any]:
    recipe = view.recipe
    generator = next(each for each in recipe.respond.generators if each.name == pair.generator)
    writer = recipe.expand if prompt.source == EXPANSION else None
    licences = {source.name: source.licence for source in recipe.ingest.sources if source.licence}
    versions = {
        "classify": classify_step(recipe.classify.method).version,
        "respond": RespondStep.version,
        "judge": JudgeStep.version,
    }
    if writer is not None:
        versions = {"expand": ExpandStep.version} | versions
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
        "prompt_licence": f"written by {writer.model.shown}"
        if writer
        else licences.get(prompt.source, recipe.publish.prompt_licence),
        "prompt_writer": writer.model.shown if writer else None,
        "prompt_writer_settings": writer.settings.model_dump_json(exclude_none=True) if writer else None,
        "classifier": recipe.classify.model.shown,
        "classify_method": recipe.classify.method,
        "calibration": view.calibration.name if view.calibration else None,
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


def column_kinds() -> dict[str, str]:
    """Return the type of each column: text, list (of text), int, or float."""
    return {
        name: "list"
        if name in _LISTS
        else "int"
        if name in _NUMBERS
        else "float"
        if name in _FRACTIONS
        else "text"
        for name in COLUMNS
    }


def write_rows(
    view: BuildView, splits: Mapping[str, Split], counts: Mapping[Split, int], folder: Path
) -> PublishReport:
    """Write and count the rows of all splits. Only rows of files that are not yet full are held in memory."""
    prompts = {prompt.id: prompt for prompt in view.kept}
    size = view.recipe.publish.rows_per_file
    waiting: dict[Split, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    files: list[FileEntry] = []
    generators: Counter[str] = Counter()
    domains: Counter[str] = Counter()
    dimensions: Counter[int] = Counter()
    prompts_of: dict[Split, set[str]] = {split: set() for split in SPLITS}

    def write(split: Split) -> None:
        at = sum(file.split == split for file in files)
        files.append(
            _write_file(
                folder / "data" / f"{split}-{at:05d}-of-{-(-counts[split] // size):05d}.parquet",
                split,
                waiting[split],
            )
        )
        waiting[split] = []

    for pair in passed_pairs(view, splits):
        split = splits[pair.prompt_id]
        row = _row(view, pair, prompts[pair.prompt_id], split)
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
    schema = pa.schema([(name, types[kind]) for name, kind in column_kinds().items()])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(
        name=f"data/{path.name}", split=split, rows=len(rows), bytes=path.stat().st_size, sha256=digest
    )
