"""The tables of the priming experiment: what each cue does, and every arm by itself."""

from misfire.reports.pairs.frames import PairFrames
from misfire.reports.tables import Table, table
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.scorers.half_notes import BASE


def effect_table(results: PairFrames) -> Table | None:
    """Every primed arm against its base; None where there is nothing to show."""
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
        ("misfire_mcnemar_p", "p misfires, exact, pairs as independent"),
    ]
    note = (
        "Each arm against the base arm of its run, on the same pairs; changes in percentage points. DiD (headline): change of stereotyped "
        "accuracy minus change of contrast accuracy; below 0 the cue hurts stereotyped halves more. Δ log odds: change of log(c / b), the "
        "odds of misfiring against the reverse error; above 0 the cue hurts stereotyped halves more. q selective is small only if both "
        "say so: DiD alone is also moved by a cue that shifts both halves alike on the logit scale, Δ log odds alone by a cue that costs "
        f"both equally many right answers. {DELTA_MAR_CAVEAT} q: clustered by scenario, Benjamini-Hochberg over all arms of all runs. "
        "Go by q selective. The exact p takes pairs as independent: where pairs share scenarios it is too small."
    )
    intervals = {"did", "delta_log_odds", "delta_mar", "delta_br", "amplification"}
    return table("priming_effects", "What each cue does", note, results.effects, shown, intervals)


def arm_table(results: PairFrames) -> Table | None:
    """Every arm of the priming experiment by itself; None where there is nothing to show."""
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
