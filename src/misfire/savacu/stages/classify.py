"""The stage "classify", which finds the domains that each prompt touches.

It also compares the classifier with known labels.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.errors import InputError
from misfire.savacu.build_view import BuildView
from misfire.savacu.calibration import Calibration, calibrate
from misfire.savacu.known_labels import read_labels
from misfire.savacu.prompting.classify import (
    Classified,
    Method,
    ToClassify,
    all_domains,
    classify_step,
    holding,
)
from misfire.savacu.prompting.respond import Domains
from misfire.savacu.prompts import Prompt
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import ClassifiedBy, ClassifyReport, StageName
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of, read_record, stale, write_record


class ClassifyStage:
    """Classifies the prompts, and calibrates the classifier if there are labeled prompts."""

    name: StageName = "classify"

    def key(self, recipe: Recipe) -> str:
        """See ``BuildStage``."""
        return key_of(
            self.name, recipe.classify, recipe.shard_size, classify_step(recipe.classify.method).version
        )

    def run(self, work: Workspace) -> None:
        """See ``BuildStage``."""
        _check_method(work)
        classify(work, self.name, work.view.prompts)
        calibration = _calibration(work.view)
        write_record(work.folder / "classify" / "report.json", _report(work.view, calibration))

    def report(self, folder: Path) -> ClassifyReport | None:
        """See ``BuildStage``."""
        return read_record(folder / "classify" / "report.json", ClassifyReport)


def classify(work: Workspace, name: str, prompts: Iterable[Prompt]) -> None:
    """Classify prompts and write the results to shards in the folder ``name`` of the build."""
    table = work.recipe.classify
    items = [ToClassify(id=prompt.id, text=prompt.text) for prompt in prompts]
    work.shards.run(name, classify_step(table.method, table.overrides), table.model, items)


def domain_ids(domains: Domains) -> set[str]:
    """Return the ids of all domains that a prompt touches."""
    return {name for dimension in DIMENSIONS for name in domains.get(dimension, ())}


def _check_method(work: Workspace) -> None:
    """Raise an error if existing shards were made with the other method, and record the method of this build.

    The keys of shards do not depend on the method, because both steps have the same name, version, and items.
    """
    method = work.recipe.classify.method
    shards = [
        name for name in ("classify", "expand_classify") if any((work.folder / name).rglob("[0-9]*.parquet"))
    ]
    if shards and (before := _method_before(work.folder)) not in (None, method):
        raise stale(work.folder / shards[0], f'its prompts were classified by method = "{before}"')
    write_record(work.folder / "classify" / "method.json", ClassifiedBy(method=method))


def _method_before(folder: Path) -> Method | None:
    """Return the method with which the shards in a folder were made, or None if it is not recorded."""
    made = read_record(folder / "classify" / "method.json", ClassifiedBy)
    if made is not None:
        return made.method
    # up to version 0.2.0, only the recipe in the folder recorded the method
    recipe = read_record(folder / "recipe.json", Recipe)
    return recipe.classify.method if recipe is not None else None


def _calibration(view: BuildView) -> Calibration | None:
    table = view.recipe.classify
    if table.calibration is None:
        return None
    labels = read_labels(table.calibration)
    matched = [row for row in view.outcomes("classify", Classified) if row.id in labels]
    if not matched:
        raise InputError(
            f"{table.calibration.path}: none of its {len(labels):,} prompts is in the build, so the "
            "classifier cannot be calibrated."
        )
    return calibrate(matched, labels, table.delta)


def _report(view: BuildView, calibration: Calibration | None) -> ClassifyReport:
    thresholds = calibration.thresholds if calibration else {}
    undefined = without = 0
    counts: Counter[str] = Counter()
    for row in view.outcomes("classify", Classified):
        held = domain_ids(holding(row, thresholds, view.recipe.classify.delta))
        counts.update(held)
        undefined += len(row.undefined)
        without += not held
    return ClassifyReport(
        prompts=len(view.prompts),
        undefined=undefined,
        without_domain=without,
        domains={domain.id: counts[domain.id] for domain in all_domains()},
        calibration=calibration,
    )
