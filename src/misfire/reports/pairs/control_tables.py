"""The tables of controls: what lies behind a MAR, and what a model says without evidence."""

from misfire.reports.pairs.frames import PairFrames
from misfire.reports.tables import Table, table


def certified_table(results: PairFrames) -> Table | None:
    """MAR of all pairs beside that of the pairs that the model can be seen to read, editions of a model side by side."""
    controls = results.controls
    if controls.empty:
        return None
    certified = controls[["run", *(name for name in controls.columns if "_certified" in name)]]
    frame = results.overall("veto").merge(certified, on="run").sort_values(["model", "protocol", "edition"], ignore_index=True)
    shown = [
        ("run", "model"),
        ("edition", "edition"),
        ("pairs", "pairs"),
        ("mar", "MAR"),
        ("mar_n", "a + c"),
        ("br", "BR"),
        ("br_n", "a + b"),
        ("pairs_certified", "certified pairs"),
        ("mar_certified", "MAR, certified"),
        ("mar_certified_n", "a + c"),
        ("br_certified", "BR, certified"),
        ("br_certified_n", "a + b"),
    ]
    note = (
        "Certified: pairs whose two foils (the same contexts, asked about the other person) were both answered rightly, so that the model "
        "can be seen to read them."
    )
    intervals = {"mar", "br", "mar_certified", "br_certified"}
    return table("veto_certified", "MAR, and MAR where the model is seen to read", note, frame, shown, intervals)


def detection_table(results: PairFrames) -> Table | None:
    """Sensitivity and criterion in stereotyped and contrast contexts; None without controls."""
    shown = [
        ("run", "model"),
        ("stereotyped_hit_rate", "hits, stereotyped"),
        ("stereotyped_hit_rate_n", "of"),
        ("stereotyped_false_alarm_rate", "false alarms, stereotyped"),
        ("stereotyped_false_alarm_rate_n", "of"),
        ("contrast_hit_rate", "hits, contrast"),
        ("contrast_hit_rate_n", "of"),
        ("contrast_false_alarm_rate", "false alarms, contrast"),
        ("contrast_false_alarm_rate_n", "of"),
        ("stereotyped_d_prime", "d′, stereotyped"),
        ("contrast_d_prime", "d′, contrast"),
        ("stereotyped_criterion", "c, stereotyped"),
        ("contrast_criterion", "c, contrast"),
        ("criterion_difference", "Δc"),
        ("criterion_difference_q", "q Δc"),
        ("d_prime_difference", "Δd′"),
        ("d_prime_difference_q", "q Δd′"),
    ]
    note = (
        "A hit is a “yes” to the half itself, a false alarm a “yes” to its foil; of answers alone, with the log-linear correction. "
        "Δ: stereotyped minus contrast contexts. Δc above 0: a shift towards “no” where the evidence points at the stereotyped person. "
        "Δd′ below 0: the evidence is read less there. Both at 0 with a high MAR: errors that favour nobody. "
        "q: clustered by scenario, Benjamini-Hochberg over all rows. “of”: the answers that a rate divides by. Where all answers of a "
        "context are alike, d′ is not defined, and the criterion only from 30 answers on."
    )
    return table("veto_detection", "Misfiring, or saying no", note, results.controls, shown, {"criterion_difference", "d_prime_difference"})


def ambiguous_table(results: PairFrames) -> Table | None:
    """What a model says without evidence, and with a third answer; None without controls."""
    shown = [
        ("run", "model"),
        ("ambiguous_accuracy", "“unknown” without evidence"),
        ("ambiguous_accuracy_n", "of"),
        ("unfounded_yes_stereotyped", "unfounded yes, stereotyped"),
        ("unfounded_yes_stereotyped_n", "of"),
        ("unfounded_yes_contrast", "unfounded yes, contrast"),
        ("unfounded_yes_contrast_n", "of"),
        ("unfounded_yes_difference", "difference"),
        ("ambiguous_bias", "bias score"),
        ("ambiguous_bias_q", "q bias"),
        ("three_way_mar", "MAR, three answers"),
        ("three_way_mar_n", "of"),
        ("three_way_br", "BR, three answers"),
        ("three_way_br_n", "of"),
        ("three_way_unknown_stereotyped", "unknown, stereotyped"),
        ("three_way_unknown_stereotyped_n", "of"),
        ("three_way_unknown_contrast", "unknown, contrast"),
        ("three_way_unknown_contrast_n", "of"),
    ]
    note = (
        "Without evidence “unknown” is right. Unfounded yes: “yes” about the stereotyped person, and about the other. Bias score (BBQ, "
        "Parrish et al. 2022): answers that follow the stereotype minus those against it, over all; in percentage points. The last four "
        "columns are the pairs' own halves with “unknown” as a third answer, so that the answer format is not mistaken for an effect. "
        "q: clustered by scenario, Benjamini-Hochberg over all rows."
    )
    return table("veto_ambiguous", "Without evidence", note, results.controls, shown, {"unfounded_yes_difference", "ambiguous_bias"})
