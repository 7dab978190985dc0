"""Tables that check whether results are due to the model or the benchmark.

They are about editions, audit flags and exchanged halves.
"""

from misfire.reports.pairs.frames import PairFrames
from misfire.reports.pairs.robustness import DRAWS
from misfire.reports.tables import Table, table


def edition_table(results: PairFrames) -> Table | None:
    """Return a table that compares the editions by model, or None if no model was run on both."""
    shown = [
        ("repaired", "model"),
        ("scenarios", "scenarios"),
        ("published_pairs", "published pairs"),
        ("repaired_pairs", "repaired pairs"),
        ("published_mar", "MAR, published"),
        ("repaired_mar", "MAR, repaired"),
        ("delta_mar", "ΔMAR"),
        ("delta_mar_q", "q ΔMAR"),
        ("published_br", "BR, published"),
        ("repaired_br", "BR, repaired"),
        ("delta_br", "ΔBR"),
        ("delta_mar_minus_br", "Δ(MAR − BR)"),
        ("delta_mar_minus_br_q", "q Δ(MAR − BR)"),
    ]
    note = (
        "Based on the scenarios that both editions have. Changes are from the published to the repaired "
        "edition, in percentage points, paired and clustered by scenario. q: Benjamini-Hochberg over all "
        "rows. The two editions have different pairs and share only the scenarios."
    )
    return table("veto_editions", "Published and repaired edition", note, results.editions, shown, _CHANGES)


def flag_table(results: PairFrames) -> Table | None:
    """Return a table of MAR and BR with and without each audit flag, or None if no log has flags."""
    shown = [
        ("run", "model"),
        ("flag", "flag"),
        ("pairs_with", "pairs with"),
        ("pairs_without", "without"),
        ("mar_with", "MAR with"),
        ("mar_without", "MAR without"),
        ("delta_mar", "ΔMAR"),
        ("delta_mar_q", "q ΔMAR"),
        ("br_with", "BR with"),
        ("br_without", "BR without"),
        ("delta_br", "ΔBR"),
        ("delta_br_q", "q ΔBR"),
    ]
    note = (
        "Pairs with an audit flag compared with pairs without it, in percentage points, clustered by "
        "scenario. q: Benjamini-Hochberg over all rows. Pairs with and without a flag differ in more than "
        "the flag, so the difference is a hint about where to look and not an effect of the flag. If a "
        "rate is 0 or 1, the data show no variation, so there is no interval and no test."
    )
    return table(
        "veto_flags",
        "MAR and BR by audit flag",
        note,
        results.flags,
        shown,
        {"mar_with", "mar_without", *_CHANGES},
    )


def exchange_table(results: PairFrames) -> Table | None:
    """Return a table of MAR and its baseline with exchanged halves, or None without a VETO run."""
    shown = [
        ("run", "model"),
        ("pairs", "pairs"),
        ("mar", "MAR"),
        ("mar_exchanged", "MAR, exchanged"),
        ("mar_exchanged_lower", "2.5 %"),
        ("mar_exchanged_upper", "97.5 %"),
        ("exchange_p", "p"),
    ]
    note = (
        "MAR that is expected if it does not matter which half is the stereotyped one. In each of "
        f"{DRAWS:,} random exchanges, the halves of all pairs of a scenario are exchanged with probability "
        "0.5. p: share of exchanges whose MAR is at least the measured MAR."
    )
    return table("veto_exchange", "MAR with halves exchanged at random", note, results.exchange, shown)


_CHANGES = {"delta_mar", "delta_br", "delta_mar_minus_br"}
