"""The tables of the priming experiment: what each cue does, and every arm by itself."""

from misfire.reports.frames import Results
from misfire.reports.tables import Table, table
from misfire.scorers.priming import BASE


def effect_table(results: Results) -> Table | None:
    """Every primed arm against its base; None where there is nothing to show."""
    shown = [
        ("run", "model"),
        ("arm", "arm"),
        ("compared_pairs", "pairs"),
        ("delta_mar", "ΔMAR"),
        ("delta_br", "ΔBR"),
        ("amplification", "× base"),
        ("did", "DiD"),
        ("did_q", "q DiD"),
        ("misfire_mcnemar_p", "p exact"),
        ("misfire_mcnemar_q", "q exact"),
        ("misfire_mcnemar_q_clustered", "q clustered"),
    ]
    note = (
        "Each arm against the base arm of its run, on the same pairs; changes in percentage points. DiD: change of stereotyped accuracy "
        "minus change of contrast accuracy; below 0 the cue hurts stereotyped halves more. q: Benjamini-Hochberg over the arms of a run."
    )
    return table("priming_effects", "What each cue does", note, results.effects, shown, {"delta_mar", "delta_br", "amplification", "did"})


def arm_table(results: Results) -> Table | None:
    """Every arm of the priming experiment by itself; None where there is nothing to show."""
    shown = [
        ("run", "model"),
        ("arm", "arm"),
        ("pairs", "pairs"),
        ("mar", "MAR"),
        ("mar_unconditional", "MAR, uncond."),
        ("br", "BR"),
        ("mar_minus_br", "MAR − BR"),
        ("target_accuracy", "acc. stereotyped"),
        ("contrast_accuracy", "acc. contrast"),
        ("stereotyped_invalid", "invalid stereotyped"),
        ("contrast_invalid", "invalid contrast"),
    ]
    frame = results.overall("priming")
    note = f"The arm “{BASE}” has no cue."
    return table("priming_arms", "MAR and BR by arm", note, frame, shown, {"mar", "br", "mar_minus_br"})
