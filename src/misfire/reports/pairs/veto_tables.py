"""Tables of VETO: models, categories, cells, protocols, comparisons, scenarios, power and failures."""

from misfire.reports.columns import SUMMARY
from misfire.reports.pairs.failures import failure_frame
from misfire.reports.pairs.frames import PairFrames
from misfire.reports.pairs.power import LEVEL, POWER
from misfire.reports.pairs.published_results import SOURCE, published_results
from misfire.reports.tables import Table, table

SMALL = 30
"""A category's MAR is marked if it has fewer pairs with a right contrast half (a + c)."""

SHOWN_ROWS = 20
"""Maximum number of scenarios and pairs in their tables."""

FROM_PAPER = "published"
"""Value of the column ``source`` of the main table for rows that the paper published."""


_MAIN_NOTE = (
    "“a + c” and “a + b”: the denominators of MAR and BR, which are the pairs with a right contrast half "
    "and the pairs with a right stereotyped half. Accuracies and invalid rates are divided by all pairs. "
    "Intervals are 95 %, clustered by scenario. MAR counts an invalid half as wrong. “valid” excludes "
    "pairs with an invalid half. “uncond.” is divided by all pairs. MAR − BR is in percentage points. p "
    "clustered: McNemar test of the two kinds of errors, clustered by scenario. q: this p-value, "
    "Benjamini-Hochberg adjusted over the runs of this table. Use q. The exact p assumes independent "
    "pairs. It is too small if pairs share scenarios."
)


def main_table(results: PairFrames, published: bool = False) -> Table | None:
    """Return the main table, with one row per VETO run, sorted by MAR.

    Args:
        results: The results of the logs.
        published: Whether to include the rows that the paper published. They are marked and have no tests.

    Returns:
        The table, or None without a VETO run.
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
        own = pd.concat([own, theirs.assign(source=FROM_PAPER)], ignore_index=True).astype(
            {"source": "string", "run": "string"}
        )
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
        ("mcnemar_p", "p exact, assuming independent pairs"),
        ("target_accuracy", "acc. stereotyped"),
        ("contrast_accuracy", "acc. contrast"),
        ("stereotyped_invalid", "invalid stereotyped"),
        ("contrast_invalid", "invalid contrast"),
        *([("complete", "note")] if (frame["complete"] == "incomplete").any() else []),
    ]
    with_interval = {"mar", "br", "mar_minus_br"}
    note = (
        ""
        if not published
        else f" Rows marked “{FROM_PAPER}” are from {SOURCE}, for context. They are not part of any test."
    )
    return table("veto_main", "MAR and BR of each run", _MAIN_NOTE + note, frame, shown, with_interval)


def category_table(results: PairFrames) -> Table | None:
    """Return the table by category, or None if there is no data.

    It has one row per (VETO run, category). Cells with few pairs are marked.
    """
    import pandas as pd

    frame = results.by_category("veto")
    small = frame["mar_n"] < SMALL
    frame = frame.assign(
        small_n=pd.Series(["small n" if is_small else "" for is_small in small], dtype="string")
    )
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
        ("mcnemar_p", "p exact, assuming independent pairs"),
        ("small_n", "note"),
    ]
    note = (
        "q: p-value clustered by scenario, Benjamini-Hochberg adjusted over all cells of this table. Use "
        f"q. “small n”: fewer than {SMALL} pairs with a right contrast half. The exact p assumes "
        "independent pairs. It is too small if pairs share scenarios."
    )
    return table(
        "veto_categories", "MAR and BR by category", note, frame, shown, {"mar", "br", "mar_minus_br"}
    )


def cell_table(results: PairFrames) -> Table | None:
    """Return the 2 × 2 counts of each VETO run, or None if there is no data."""
    shown = [
        ("run", "model"),
        ("pairs", "pairs"),
        ("a_both_right", "a: both right"),
        ("b_contrast_wrong_only", "b: only contrast wrong"),
        ("c_stereotyped_wrong_only", "c: only stereotyped wrong"),
        ("d_both_wrong", "d: both wrong"),
        ("incomplete_pairs", "incomplete"),
    ]
    note = (
        "Counted per epoch. c is misfiring. Incomplete: a half has no outcome. Such pairs are excluded "
        "from all other numbers."
    )
    return table("veto_cells", "Pairs by outcome of their halves", note, results.overall("veto"), shown)


def protocol_table(results: PairFrames) -> Table | None:
    """Return a table that compares chain of thought with direct answers, or None if no model has both."""
    pairs = {(direct.label, cot.label) for direct, cot in results.run_set.protocol_pairs()}
    frame = results.comparisons
    keys = list(zip(frame["first"], frame["second"], strict=True))
    chosen = frame[[key in pairs for key in keys]].reset_index(drop=True)
    note = (
        "Change from direct answers (first) to chain of thought (second), on the same pairs, in percentage "
        "points. q as in “Comparisons between models”."
    )
    return table(
        "veto_protocols",
        "Direct answers compared with chain of thought",
        note,
        chosen,
        _COMPARED,
        {"delta_mar", "delta_br"},
    )


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
    ("misfire_mcnemar_p", "p exact, assuming independent pairs"),
]


def comparison_table(results: PairFrames) -> Table | None:
    """Return a table that compares every two VETO runs on the same pairs, or None if there are none."""
    note = (
        "Second minus first on the same pairs, in percentage points. p clustered: McNemar test of the "
        "misfires that only one of the runs has, clustered by scenario. q: this p-value, Benjamini-Hochberg "
        "adjusted over all rows. Use q. The exact p assumes independent pairs. It is too small if pairs "
        "share scenarios. MAR depends on accuracy, so ΔMAR alone does not show which model misfires more."
    )
    return table(
        "veto_comparisons",
        "Comparisons between models",
        note,
        results.comparisons,
        _COMPARED,
        {"delta_mar", "delta_br"},
    )


def scenario_table(results: PairFrames) -> Table | None:
    """Return the scenarios that misfire in most runs, or None if there are none."""
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
    note = (
        f"Based on all VETO runs and epochs. At most {SHOWN_ROWS} scenarios are shown. A scenario that "
        "misfires in every model may have a flawed question."
    )
    return table("veto_scenarios", "Scenarios", note, frame, shown)


def power_table(results: PairFrames) -> Table | None:
    """Return the number of pairs needed to detect several differences, or None if there is no data."""
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
        "Number of pairs at which the McNemar test detects a MAR − BR (in percentage points) with power "
        f"{POWER:.0%} at the two-sided level {LEVEL:.0%}, if the shares of pairs with two right halves and "
        "of discordant pairs are as observed. Clustered: pairs that share scenarios like the observed "
        "pairs. This is the number of independent pairs (exact test) times the design effect. ∞: the "
        "observed discordance is too small for the difference."
    )
    counts = {"independent_pairs", "clustered_pairs"}
    return table("veto_power", "Pairs needed to detect a MAR − BR", note, results.power, shown, counts=counts)


def failure_table(results: PairFrames) -> Table | None:
    """Return the pairs on which most runs misfire, or None if there are none."""
    frame = failure_frame(results).head(SHOWN_ROWS).reset_index(drop=True)
    shown = [
        ("pair_id", "pair"),
        ("category", "category"),
        ("runs_misfired", "runs that misfire"),
        ("runs", "of runs"),
    ]
    return table(
        "veto_failures",
        "Pairs",
        f"At most {SHOWN_ROWS} pairs are shown. The JSON summary contains all of them.",
        frame,
        shown,
    )
