"""Frames of VETO and priming: halves, pairs, and metrics by run, arm and category.

``misfire.reports.pairs.halves`` reads the samples. ``misfire.scorers`` computes pairs, metrics and tests, so
frames agree with the metrics in the logs.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, cast

from misfire.reports import columns
from misfire.reports.columns import BY_CATEGORY, OVERALL, Column, Scope, frame_of, row_values
from misfire.reports.logs.samples import Content
from misfire.reports.pairs.power import DIFFERENCES, power_of
from misfire.reports.pairs.records import HalfRecord, RunArm, arms_of, probe_results
from misfire.reports.pairs.robustness import edition_metrics, exchange_baseline, flag_metrics
from misfire.reports.pairs.runs import Run, RunSet, TaskName
from misfire.scorers.controls import control_metrics
from misfire.scorers.effects import Effect, compare
from misfire.scorers.half_notes import BASE
from misfire.scorers.join import MASS_METRICS, PairResult, count_cells, invalid_share
from misfire.scorers.priming import comparison_metrics
from misfire.scorers.probes import join_probes
from misfire.scorers.statistics import benjamini_hochberg
from misfire.scorers.veto import overall_metrics

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PairFrames:
    """The results of logs of VETO and priming as frames. ``misfire.reports.columns`` lists their columns.

    Attributes:
        run_set: The runs, and the logs that were left out.
        records: The halves of each run, in the order of the runs.
        contents: Counts of the samples of each log, by location.
    """

    run_set: RunSet
    records: tuple[tuple[HalfRecord, ...], ...] = field(repr=False)
    contents: Mapping[str, Content] = field(default_factory=dict[str, Content], repr=False)

    @cached_property
    def arms(self) -> tuple[RunArm, ...]:
        """Every arm of every run, with joined pairs. The base arm of a run comes first."""
        return tuple(
            arm
            for run, records in zip(self.run_set.runs, self.records, strict=True)
            for arm in arms_of(run, records)
        )

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """One row per run."""
        return frame_of(
            (
                self._run_row(run, records)
                for run, records in zip(self.run_set.runs, self.records, strict=True)
            ),
            columns.RUNS,
        )

    @cached_property
    def halves(self) -> "pd.DataFrame":
        """One row per (run, arm, half, epoch)."""
        names = [column.name for column in columns.HALVES[len(columns.RUN) :]]
        rows = (
            (*_run_values(run), *(getattr(record, name) for name in names))
            for run, records in zip(self.run_set.runs, self.records, strict=True)
            for record in records
        )
        return frame_of(rows, columns.HALVES)

    @cached_property
    def pairs(self) -> "pd.DataFrame":
        """One row per (run, arm, pair, epoch) with both halves."""
        return frame_of(
            (_pair_row(arm, pair) for arm in self.arms for pair in arm.joined.pairs), columns.PAIRS
        )

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """Metrics, with one row per (run, arm, category) and one per (run, arm) over all its pairs.

        The families of the q-values are, for VETO, all runs (scope ``overall``) and all combinations of run
        and category (scope ``category``). For priming, they are the same over all arms of all runs.
        """
        rows = [
            row_values(
                columns.SUMMARY,
                _run_fields(arm.run) | {"arm": arm.name, "scope": scope, "category": category} | metrics,
            )
            for arm in self.arms
            for scope, category, metrics in _scope_metrics(arm)
        ]
        return _with_q(frame_of(rows, columns.SUMMARY))

    def overall(self, task: TaskName) -> "pd.DataFrame":
        """Return the rows of the summary over all pairs of each run and arm of a task."""
        return self._summary_of(task, OVERALL)

    def by_category(self, task: TaskName) -> "pd.DataFrame":
        """Return the rows of the summary by category of each run and arm of a task."""
        return self._summary_of(task, BY_CATEGORY)

    def _summary_of(self, task: TaskName, scope: Scope) -> "pd.DataFrame":
        chosen = (self.summary["task"] == task) & (self.summary["scope"] == scope)
        return self.summary[chosen].reset_index(drop=True)

    @cached_property
    def effects(self) -> "pd.DataFrame":
        """Effects of cues compared with the base arm, with one row per (priming run, primed arm).

        The family of the q-values is all rows.
        """
        effects: dict[tuple[Run, str], Effect] = {}
        for run in self.run_set.of("priming"):
            own = {arm.name: arm.joined.pairs for arm in self.arms if arm.run is run}
            effects |= {(run, name): compare(own[BASE], pairs) for name, pairs in own.items() if name != BASE}
        rows = [
            row_values(columns.EFFECTS, _run_fields(run) | {"arm": name} | metrics)
            for (run, name), metrics in comparison_metrics(effects).items()
        ]
        return frame_of(rows, columns.EFFECTS)

    @cached_property
    def comparisons(self) -> "pd.DataFrame":
        """Comparisons, with one row for every two VETO runs on the same pairs.

        The first run is the one that started first. A direct run always comes before the chain-of-thought
        run that is compared with it.
        """
        arms = [arm for arm in self.arms if arm.run.task == "veto"]
        direct_first = set(self.run_set.protocol_pairs())
        couples = [
            (two, one) if (two.run, one.run) in direct_first else (one, two)
            for one, two in combinations(arms, 2)
            if one.run.pair_set == two.run.pair_set
        ]
        effects = {
            (one.run.label, two.run.label): compare(one.joined.pairs, two.joined.pairs)
            for one, two in couples
        }
        rows = [
            row_values(columns.COMPARISONS, {"first": first, "second": second} | metrics)
            for (first, second), metrics in comparison_metrics(effects).items()
        ]
        return frame_of(rows, columns.COMPARISONS)

    @cached_property
    def power(self) -> "pd.DataFrame":
        """Pairs needed, with one row per (VETO run, MAR − BR to detect)."""
        rows = [
            row_values(
                columns.POWER,
                _run_fields(arm.run) | vars(power_of(count_cells(arm.joined.pairs, "all"), difference)),
            )
            for arm in self.arms
            if arm.run.task == "veto"
            for difference in DIFFERENCES
        ]
        return frame_of(rows, columns.POWER)

    @cached_property
    def editions(self) -> "pd.DataFrame":
        """Differences between the published and the repaired edition, with one row per model.

        They use the scenarios that both VETO runs have.
        """
        arms = {arm.run: arm for arm in self.arms}
        rows = [
            {"published": published.label, "repaired": repaired.label}
            | edition_metrics(arms[published].joined.pairs, arms[repaired].joined.pairs)
            for published, repaired in self.run_set.edition_pairs()
        ]
        return frame_of(
            _adjusted(rows, ("delta_mar", "delta_br", "delta_mar_minus_br"), columns.EDITIONS),
            columns.EDITIONS,
        )

    @cached_property
    def flags(self) -> "pd.DataFrame":
        """Rates with and without an audit flag, with one row per (VETO run, flag).

        Flags that all pairs or no pair of a run have are left out.
        """
        found = [
            _run_fields(arm.run) | {"flag": flag} | metrics
            for arm in self.arms
            if arm.run.task == "veto"
            for flag, metrics in flag_metrics(arm.joined.pairs, arm.audit).items()
        ]
        return frame_of(_adjusted(found, ("delta_mar", "delta_br"), columns.FLAGS), columns.FLAGS)

    @cached_property
    def exchange(self) -> "pd.DataFrame":
        """MAR and its baseline when halves are exchanged at random, with one row per VETO run."""
        rows = [
            row_values(
                columns.EXCHANGE,
                _run_fields(arm.run) | vars(exchange_baseline(count_cells(arm.joined.pairs, "all"))),
            )
            for arm in self.arms
            if arm.run.task == "veto"
        ]
        return frame_of(rows, columns.EXCHANGE)

    @cached_property
    def controls(self) -> "pd.DataFrame":
        """Metrics of controls, with one row per VETO run with controls."""
        found = [
            _run_fields(run) | metrics
            for run in self.run_set.of("veto")
            if (metrics := control_metrics(join_probes(probe_results(self.records_of(run)))))
        ]
        return frame_of(_adjusted(found, _CONTROL_TESTS, columns.CONTROLS), columns.CONTROLS)

    @cached_property
    def scenarios(self) -> "pd.DataFrame":
        """One row per scenario of the VETO runs. Scenarios that misfire in most runs come first."""
        members: defaultdict[tuple[str, str], list[tuple[str, PairResult]]] = defaultdict(list)
        for arm in self.arms:
            if arm.run.task == "veto":
                for pair in arm.joined.pairs:
                    members[pair.scenario, pair.category].append((arm.run.label, pair))
        rows = [_scenario_row(*name, found) for name, found in members.items()]
        frame = frame_of(rows, columns.SCENARIOS)
        return frame.sort_values(
            ["runs_misfired", "misfired", "scenario"], ascending=[False, False, True], ignore_index=True
        )

    def records_of(self, run: Run) -> tuple[HalfRecord, ...]:
        """Return the halves of a run."""
        return self.records[self.run_set.runs.index(run)]

    def _run_row(self, run: Run, records: Sequence[HalfRecord]) -> Sequence[object]:
        whole = all(len(arm.joined.pairs) == run.planned_pairs for arm in self.arms if arm.run is run)
        more: dict[str, object] = {
            "status": run.status,
            "complete": run.status == "success" and whole,
            "planned_pairs": run.planned_pairs,
            "epochs": run.epochs,
            "errors": len({(record.sample_id, record.epoch) for record in records if record.error}),
            "invalidated": self.contents[run.log].invalidated if run.log in self.contents else 0,
            "pair_source": run.pair_source,
            "pair_origin": run.pair_origin,
            "pair_set_sha256": run.pair_set,
            "unverified_files": ", ".join(run.unverified_files),
            "suite_version": run.suite_version,
            "task_id": run.task_id,
            "created": run.created,
            "log": run.log,
        }
        return row_values(columns.RUNS, _run_fields(run) | more)


def _run_fields(run: Run) -> dict[str, object]:
    names = {
        "model": run.model,
        "task": run.task,
        "edition": run.edition,
        "protocol": run.protocol,
        "parser": run.parser,
    }
    return {"run": run.label, **names}


def _run_values(run: Run) -> tuple[object, ...]:
    return tuple(_run_fields(run).values())


def _pair_row(arm: RunArm, pair: PairResult) -> Sequence[object]:
    key = (*_run_values(arm.run), arm.name, pair.pair_id, pair.epoch, pair.category, pair.scenario)
    return (
        *key,
        pair.stereotyped,
        pair.contrast,
        pair.cell,
        pair.misfired,
        pair.valid,
        arm.audit.get(pair.pair_id),
    )


def _scope_metrics(arm: RunArm) -> Iterable[tuple[Scope, str | None, dict[str, object]]]:
    """Yield the metrics of all pairs of an arm, then those of each category."""
    groups: list[tuple[Scope, str | None, Sequence[PairResult], int]] = [
        (OVERALL, None, arm.joined.pairs, arm.joined.incomplete),
        *((BY_CATEGORY, category, pairs, 0) for category, pairs in arm.by_category().items()),
    ]
    for scope, category, pairs, incomplete in groups:
        invalid = invalid_share(pairs)
        metrics = dict.fromkeys(MASS_METRICS, math.nan) | overall_metrics(pairs, incomplete)
        more = {
            "mar_stderr": metrics["stderr"],
            "mcnemar_q": math.nan,
            "mcnemar_q_clustered": math.nan,
            **invalid.flat("invalid"),
        }
        yield scope, category, {**metrics, **more}


_CONTROL_TESTS = (
    "criterion_difference",
    "d_prime_difference",
    "asked_criterion_difference",
    "asked_d_prime_difference",
    "ambiguous_bias",
)
"""Metrics of controls that are tested."""


def _adjusted(
    rows: Sequence[Mapping[str, object]], tests: Sequence[str], wanted: Sequence[Column]
) -> list[Sequence[object]]:
    """Return the values by column, with a q-value for each test: Benjamini-Hochberg over all rows."""
    found = [dict(row) for row in rows]
    for name in tests:
        for row, q in zip(
            found, benjamini_hochberg([cast("float", row[f"{name}_p"]) for row in found]), strict=True
        ):
            row[f"{name}_q"] = q
    return [row_values(wanted, row) for row in found]


def _with_q(summary: "pd.DataFrame") -> "pd.DataFrame":
    """Fill in the q-values of each family."""
    for index in summary.groupby(["task", "scope"], sort=False).groups.values():
        for kind in ("_clustered", ""):
            summary.loc[index, f"mcnemar_q{kind}"] = benjamini_hochberg(
                summary.loc[index, f"mcnemar_p{kind}"].tolist()
            )
    return summary


def _scenario_row(scenario: str, category: str, found: Sequence[tuple[str, PairResult]]) -> Sequence[object]:
    pairs = [pair for _, pair in found]
    cells = count_cells(pairs, "all")
    runs, misfired = {run for run, _ in found}, {run for run, pair in found if pair.misfired and pair.valid}
    a, b, c, _ = cells.totals
    return (
        scenario,
        category,
        len(runs),
        len(misfired),
        len(pairs),
        c,
        b,
        cells.mar().value,
        a + c,
        cells.br().value,
        a + b,
    )
