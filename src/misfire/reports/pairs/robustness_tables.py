"""The tables that ask whether it is the model or the benchmark: editions, audit flags, exchanged halves."""

from misfire.reports.pairs.frames import PairFrames
from misfire.reports.pairs.robustness import DRAWS
from misfire.reports.tables import Table, table


def edition_table(results: PairFrames) -> Table | None:
    """The repaired edition against the published one, by model; None where no model was run on both."""
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
        "Over the scenarios that both editions have. Changes from the published edition to the repaired one, in percentage points, paired "
        "and clustered by scenario; q: Benjamini-Hochberg over all rows. The two editions have different pairs; what they share is the "
        "scenario."
    )
    return table("veto_editions", "Published and repaired edition", note, results.editions, shown, _CHANGES)


def flag_table(results: PairFrames) -> Table | None:
    """MAR and BR of the pairs with and without each audit flag; None where no log has flags."""
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
        "Pairs that carry a flag of the audit against those that do not, in percentage points, clustered by scenario; q: "
        "Benjamini-Hochberg over all rows. Pairs with and without a flag differ in more than the flag: a hint where to look, not "
        "an effect. Where a rate is 0 or 1 the data show no variation, and there is no interval and no test."
    )
    return table("veto_flags", "MAR and BR by audit flag", note, results.flags, shown, {"mar_with", "mar_without", *_CHANGES})


def exchange_table(results: PairFrames) -> Table | None:
    """MAR beside its baseline under exchanged halves; None without a VETO run."""
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
        f"What MAR would be if it did not matter which half is the stereotyped one: the halves of all pairs of a scenario are exchanged "
        f"or left, at random, {DRAWS:,} times. p: share of exchanges with a MAR as large as the measured one or larger."
    )
    return table("veto_exchange", "MAR with halves exchanged at random", note, results.exchange, shown)


_CHANGES = {"delta_mar", "delta_br", "delta_mar_minus_br"}
