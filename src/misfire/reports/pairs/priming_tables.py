"""Tables of the priming experiment: the effect of each cue, and the metrics of each arm."""

from misfire.reports.pairs.frames import PairFrames
from misfire.reports.tables import Table, table
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.scorers.half_notes import BASE


def effect_table(results: PairFrames) -> Table | None:
    """Return a table that compares every primed arm with its base arm, or None if there is no data."""
    shown = [
        ("run", "model"),
        ("arm", "arm"),
        ("compared_pairs", "pairs"),
        ("did", "DiD"),
        ("delta_log_odds", "Δ log odds"),
        ("selective_q", "q selective"),
        ("did_q", "q DiD"),
        ("delta_log_odds_q", "q Δ log odds"),
        ("delta_mar", "ΔMAR"),
        ("delta_br", "ΔBR"),
        ("amplification", "× base"),
        ("misfire_mcnemar_q_clustered", "q misfires, clustered"),
        ("misfire_mcnemar_p", "p misfires, exact, assuming independent pairs"),
    ]
    note = (
        "Each arm compared with the base arm of its run, on the same pairs. Changes are in percentage "
        "points. DiD (headline): change in stereotyped accuracy minus change in contrast accuracy. Below "
        "0, the cue reduces accuracy more on stereotyped halves. Δ log odds: change in log(c / b), the "
        "odds of misfiring against the reverse error. Above 0, the cue makes misfiring relatively more "
        "frequent. q selective is small only if both measures agree. DiD alone also changes if a cue "
        "shifts both halves equally on the logit scale. Δ log odds alone also changes if a cue costs both "
        f"halves equally many right answers. {DELTA_MAR_CAVEAT} q: p-value clustered by scenario, "
        "Benjamini-Hochberg adjusted over all arms of all runs. Use q selective. The exact p assumes "
        "independent pairs. It is too small if pairs share scenarios."
    )
    intervals = {"did", "delta_log_odds", "delta_mar", "delta_br", "amplification"}
    return table("priming_effects", "Effect of each cue", note, results.effects, shown, intervals)


def arm_table(results: PairFrames) -> Table | None:
    """Return a table of every arm of the priming experiment, or None if there is no data."""
    shown = [
        ("run", "model"),
        ("arm", "arm"),
        ("pairs", "pairs"),
        ("mar", "MAR"),
        ("mar_n", "a + c"),
        ("mar_unconditional", "MAR, uncond."),
        ("br", "BR"),
        ("br_n", "a + b"),
        ("mar_minus_br", "MAR − BR"),
        ("target_accuracy", "acc. stereotyped"),
        ("contrast_accuracy", "acc. contrast"),
        ("stereotyped_invalid", "invalid stereotyped"),
        ("contrast_invalid", "invalid contrast"),
    ]
    frame = results.overall("priming")
    note = f"The arm “{BASE}” has no cue."
    return table("priming_arms", "MAR and BR by arm", note, frame, shown, {"mar", "br", "mar_minus_br"})
