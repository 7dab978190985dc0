"""Tables of controls: explanations of MAR, and answers without evidence."""

from misfire.reports.pairs.frames import PairFrames
from misfire.reports.tables import Table, table


def certified_table(results: PairFrames) -> Table | None:
    """Return a table of the MAR of all pairs and of certified pairs.

    The rows are sorted so that editions of one model are adjacent.
    """
    controls = results.controls
    if controls.empty:
        return None
    certified = controls[["run", *(name for name in controls.columns if "_certified" in name)]]
    frame = (
        results.overall("veto")
        .merge(certified, on="run")
        .sort_values(["model", "protocol", "edition"], ignore_index=True)
    )
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
        "Certified pairs are pairs whose two foils (the same contexts with a question about the other "
        "person) were both answered correctly. This shows that the model read the contexts."
    )
    intervals = {"mar", "br", "mar_certified", "br_certified"}
    return table("veto_certified", "MAR of all pairs and of certified pairs", note, frame, shown, intervals)


def detection_table(results: PairFrames) -> Table | None:
    """Return a table of sensitivity and criterion by context, or None without controls."""
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
        "A hit is a “yes” to the half itself, and a false alarm is a “yes” to its foil. Only valid answers "
        "are included, with the log-linear correction. Δ: stereotyped minus contrast contexts. Δc above 0 "
        "means a shift toward “no” if the evidence points to the stereotyped person. Δd′ below 0 means that "
        "the model uses this evidence less. If both are 0 and MAR is high, the errors favor no group. q: "
        "p-value clustered by scenario, Benjamini-Hochberg adjusted over all rows. “of”: the number of "
        "answers by which a rate is divided. If all answers of a context are the same, d′ is undefined, and "
        "the criterion is defined only for 30 or more answers."
    )
    return table(
        "veto_detection",
        "Misfiring or a tendency to say no",
        note,
        results.controls,
        shown,
        {"criterion_difference", "d_prime_difference"},
    )


def ambiguous_table(results: PairFrames) -> Table | None:
    """Return a table of answers without evidence and with a third answer, or None without controls."""
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
        "Without evidence, “unknown” is right. Unfounded yes: “yes” about the stereotyped person and about "
        "the other person. Bias score (BBQ, Parrish et al. 2022): answers that follow the stereotype minus "
        "answers against it, divided by all answers, in percentage points. The columns on three answers "
        "and on “unknown” show the pairs' own halves with “unknown” as a third answer. They check whether "
        "the effect is due to the answer format. q: p-value clustered by scenario, Benjamini-Hochberg "
        "adjusted over all rows."
    )
    return table(
        "veto_ambiguous",
        "Without evidence",
        note,
        results.controls,
        shown,
        {"unfounded_yes_difference", "ambiguous_bias"},
    )
