"""The tables of VETO: models, categories, cells, protocols, model against model, scenarios, power, failures."""

from misfire.reports.columns import SUMMARY
from misfire.reports.pairs.failures import failure_frame
from misfire.reports.pairs.frames import PairFrames
from misfire.reports.pairs.power import LEVEL, POWER
from misfire.reports.pairs.published_results import SOURCE, published_results
from misfire.reports.tables import Table, table

SMALL = 30
"""Below so many pairs with a right contrast half (a + c) a category's MAR is marked."""

SHOWN_ROWS = 20
"""So many scenarios and pairs stand in their tables."""

FROM_PAPER = "published"
"""In the column ``source`` of the main table: a row of the paper's table."""


_MAIN_NOTE = (
    "“a + c” and “a + b”: the pairs that MAR and BR divide by, those with a right contrast half and those with a right stereotyped half; "
    "accuracies and invalid rates divide by all pairs. Intervals are 95 %, clustered by scenario. MAR counts an invalid half as wrong, "
    "“valid” leaves its pair out, “uncond.” divides by all pairs. MAR − BR in percentage points. p clustered: McNemar's test of the two "
    "kinds of errors, clustered by scenario; q: the same, Benjamini-Hochberg over the runs of this table. Go by q. The exact p takes pairs "
    "as independent: where pairs share scenarios it is too small."
)


def main_table(results: PairFrames, published: bool = False) -> Table | None:
    """The main table: one row a VETO run, sorted by MAR.

    Args:
        results: What the logs hold.
        published: Whether the paper's rows stand among them, marked; they have no tests.

    Returns:
        The table; None without a VETO run.
    """
    import pandas as pd

    own = results.overall("veto")
    if own.empty:
        return None
    own = own.merge(results.runs[["run", "task", "complete"]], on=["run", "task"])
    own.insert(0, "source", pd.Series("measured", index=own.index, dtype="string"))
    own["complete"] = own["complete"].map({True: "", False: "incomplete"}).astype("string")
    if published:
        theirs = published_results().rename(columns={"model": "run"}).drop(columns=["mar_primed", "starred"])
        own = pd.concat([own, theirs.assign(source=FROM_PAPER)], ignore_index=True).astype({"source": "string", "run": "string"})
        counts = [column.name for column in SUMMARY if column.kind == "count"]
        own[counts] = own[counts].astype("float64")
    frame = own.sort_values("mar", ascending=False, ignore_index=True, kind="stable")
    shown = [
        ("run", "model"),
        *([("source", "source")] if published else []),
        ("pairs", "pairs"),
        ("mar", "MAR"),
        ("mar_n", "a + c"),
        ("mar_unconditional", "MAR, uncond."),
        ("mar_valid", "MAR, valid"),
        ("mar_valid_n", "of valid"),
        ("br", "BR"),
        ("br_n", "a + b"),
        ("mar_minus_br", "MAR − BR"),
        ("mcnemar_q_clustered", "q clustered"),
        ("mcnemar_p_clustered", "p clustered"),
        ("mcnemar_p", "p exact, pairs as independent"),
        ("target_accuracy", "acc. stereotyped"),
        ("contrast_accuracy", "acc. contrast"),
        ("stereotyped_invalid", "invalid stereotyped"),
        ("contrast_invalid", "invalid contrast"),
        *([("complete", "note")] if (frame["complete"] == "incomplete").any() else []),
    ]
    with_interval = {"mar", "br", "mar_minus_br"}
    note = "" if not published else f" Rows marked “{FROM_PAPER}” are from {SOURCE}, for context; they take no part in any test."
    return table("veto_main", "MAR, BR and what they rest on", _MAIN_NOTE + note, frame, shown, with_interval)


def category_table(results: PairFrames) -> Table | None:
    """The table by category: one row a (VETO run, category), cells with few pairs marked; None where there is nothing to show."""
    import pandas as pd

    frame = results.by_category("veto")
    small = frame["mar_n"] < SMALL
    frame = frame.assign(small_n=pd.Series(["small n" if is_small else "" for is_small in small], dtype="string"))
    shown = [
        ("run", "model"),
        ("category", "category"),
        ("pairs", "pairs"),
        ("mar", "MAR"),
        ("mar_n", "a + c"),
        ("br", "BR"),
        ("br_n", "a + b"),
        ("mar_minus_br", "MAR − BR"),
        ("mcnemar_q_clustered", "q clustered"),
        ("mcnemar_p_clustered", "p clustered"),
        ("mcnemar_p", "p exact, pairs as independent"),
        ("small_n", "note"),
    ]
    note = (
        f"q: clustered by scenario, Benjamini-Hochberg over all cells of this table; go by it. “small n”: fewer than {SMALL} pairs with a "
        "right contrast half. The exact p takes pairs as independent: where pairs share scenarios it is too small."
    )
    return table("veto_categories", "MAR and BR by category", note, frame, shown, {"mar", "br", "mar_minus_br"})


def cell_table(results: PairFrames) -> Table | None:
    """The 2 × 2 counts of each VETO run; None where there is nothing to show."""
    shown = [
        ("run", "model"),
        ("pairs", "pairs"),
        ("a_both_right", "a: both right"),
        ("b_contrast_wrong_only", "b: contrast wrong only"),
        ("c_stereotyped_wrong_only", "c: stereotyped wrong only"),
        ("d_both_wrong", "d: both wrong"),
        ("incomplete_pairs", "incomplete"),
    ]
    note = "Counted by epoch. c is misfiring. Incomplete: one half has no outcome; such pairs are in no other number."
    return table("veto_cells", "Pairs by outcome of their halves", note, results.overall("veto"), shown)


def protocol_table(results: PairFrames) -> Table | None:
    """Chain of thought against direct answers, for models with both; None where there is nothing to show."""
    pairs = {(direct.label, cot.label) for direct, cot in results.run_set.protocol_pairs()}
    frame = results.comparisons
    keys = list(zip(frame["first"], frame["second"], strict=True))
    chosen = frame[[key in pairs for key in keys]].reset_index(drop=True)
    note = (
        "Change from direct answers (first) to chain of thought (second), on the same pairs, in percentage points. q as in "
        "“Model against model”."
    )
    return table("veto_protocols", "Direct against chain of thought", note, chosen, _COMPARED, {"delta_mar", "delta_br"})


_COMPARED = [
    ("first", "first"),
    ("second", "second"),
    ("compared_pairs", "pairs"),
    ("delta_mar", "ΔMAR"),
    ("delta_br", "ΔBR"),
    ("newly_misfired", "newly misfired"),
    ("no_longer_misfired", "no longer misfired"),
    ("misfire_mcnemar_q_clustered", "q clustered"),
    ("misfire_mcnemar_p_clustered", "p clustered"),
    ("misfire_mcnemar_p", "p exact, pairs as independent"),
]


def comparison_table(results: PairFrames) -> Table | None:
    """Every two VETO runs on the same pairs; None where there is nothing to show."""
    note = (
        "Second minus first on the same pairs, in percentage points. p clustered: McNemar's test of the misfires that one has and the "
        "other "
        "has not, clustered by scenario; q: the same, Benjamini-Hochberg over all rows. Go by q. The exact p takes pairs as "
        "independent: where "
        "pairs share scenarios it is too small. MAR depends on accuracy, so that ΔMAR alone does not show which model leans more."
    )
    return table("veto_comparisons", "Model against model", note, results.comparisons, _COMPARED, {"delta_mar", "delta_br"})


def scenario_table(results: PairFrames) -> Table | None:
    """The scenarios that misfire in most runs; None where there is nothing to show."""
    frame = results.scenarios
    frame = frame[frame["runs_misfired"] > 0].head(SHOWN_ROWS).reset_index(drop=True)
    shown = [
        ("scenario", "scenario"),
        ("category", "category"),
        ("runs_misfired", "runs that misfire"),
        ("runs", "of runs"),
        ("misfired", "misfired pairs"),
        ("reversed", "reverse errors"),
        ("pairs", "pairs"),
        ("mar", "MAR"),
        ("mar_n", "a + c"),
        ("br", "BR"),
        ("br_n", "a + b"),
    ]
    note = f"Over all VETO runs and epochs; the first {SHOWN_ROWS}. A scenario that misfires in every model may be a faulty question."
    return table("veto_scenarios", "Scenarios", note, frame, shown)


def power_table(results: PairFrames) -> Table | None:
    """The pairs needed to detect some differences, at each run's discordance; None where there is nothing to show."""
    shown = [
        ("run", "model"),
        ("pairs", "pairs"),
        ("both_right", "both right"),
        ("discordance", "discordant"),
        ("design_effect", "design effect"),
        ("difference", "MAR − BR"),
        ("clustered_pairs", "pairs needed, clustered"),
        ("independent_pairs", "pairs needed, independent"),
    ]
    note = (
        f"Pairs at which McNemar's test finds a MAR − BR (in percentage points) with power {POWER:.0%} at the two-sided level "
        f"{LEVEL:.0%}, if the shares of pairs that are both right and that are discordant stay as observed. Clustered: pairs that share "
        "scenarios as the observed ones do; independent pairs (exact test) times the design effect. "
        "∞: the observed discordance cannot hold the difference."
    )
    counts = {"independent_pairs", "clustered_pairs"}
    return table("veto_power", "Pairs needed to detect a MAR − BR", note, results.power, shown, counts=counts)


def failure_table(results: PairFrames) -> Table | None:
    """The pairs that most runs misfire on; None where there is nothing to show."""
    frame = failure_frame(results).head(SHOWN_ROWS).reset_index(drop=True)
    shown = [("pair_id", "pair"), ("category", "category"), ("runs_misfired", "runs that misfire"), ("runs", "of runs")]
    return table("veto_failures", "Pairs", f"The first {SHOWN_ROWS}; all are in the summary in JSON.", frame, shown)
