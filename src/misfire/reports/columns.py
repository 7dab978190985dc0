"""The columns of the frames: their names, types and meanings, declared once for frames, documents and the JSON schema."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "count", "rate", "change", "ratio", "score", "logit", "p", "flag", "time"]
"""What a column holds; ``docs.reference`` says in words which values each kind has."""

Scope = Literal["overall", "category"]
"""What a row of the frame ``summary`` is about: all pairs of a run and arm, or those of one category. Users name categories, so that no
name of a category can say "all pairs"."""

OVERALL: Scope = "overall"
BY_CATEGORY: Scope = "category"

DTYPES: dict[Kind, str] = {
    "text": "string",
    "count": "int64",
    "rate": "float64",
    "change": "float64",
    "ratio": "float64",
    "score": "float64",
    "logit": "float64",
    "p": "float64",
    "flag": "bool",
    "time": "string",
}
"""The type in pandas of each kind."""


@dataclass(frozen=True)
class Column:
    """One column of a frame.

    Attributes:
        name: Its name.
        kind: What it holds.
        meaning: What it says, in a line.
    """

    name: str
    kind: Kind
    meaning: str

    @property
    def dtype(self) -> str:
        """Its type in pandas."""
        return DTYPES[self.kind]


def frame_of(rows: Iterable[Sequence[object]], columns: Sequence[Column]) -> "pd.DataFrame":
    """A typed frame.

    Args:
        rows: One sequence a row, in the order of the columns.
        columns: The columns.

    Returns:
        A frame with these columns and their types, also where there is no row.
    """
    import pandas as pd

    table = list(rows)
    values = zip(*table, strict=True) if table else [() for _ in columns]
    return pd.DataFrame({column.name: pd.Series(list(cells), dtype=column.dtype) for column, cells in zip(columns, values, strict=True)})


def interval_columns(name: str, kind: Kind, meaning: str, cluster: str = "scenario") -> tuple[Column, ...]:
    """An estimate with its standard error and the ends of its interval.

    Args:
        name: Its name.
        kind: What it holds.
        meaning: What it says.
        cluster: The unit that was drawn.

    Returns:
        Four columns.
    """
    return (
        Column(name, kind, meaning),
        Column(f"{name}_stderr", kind, f"standard error of `{name}`, clustered by {cluster}"),
        *interval_ends(name, kind),
    )


def interval_ends(name: str, kind: Kind) -> tuple[Column, Column]:
    """The ends of an interval."""
    return (
        Column(f"{name}_ci_lower", kind, f"lower end of the 95 % interval of `{name}`"),
        Column(f"{name}_ci_upper", kind, f"upper end of the 95 % interval of `{name}`"),
    )


RUN = (
    Column("run", "text", "short name of the run, unique in the set: the model, and what sets its runs apart"),
    Column("model", "text", "the model, as Inspect names it"),
    Column("task", "text", "`veto` or `priming`"),
    Column("edition", "text", "how the pairs were built from BBQ: `published` or `repaired`; missing for other pairs"),
    Column("protocol", "text", "`direct` or `cot`"),
    Column("parser", "text", "how answers were read: `strict` or `published`"),
)
"""Columns that every frame over runs begins with."""

RUNS = (
    *RUN,
    Column("status", "text", "Inspect's status of the run: `success`, `error`, `cancelled` or `started` (it crashed, or still runs)"),
    Column("complete", "flag", "whether the run ended by itself and every planned pair has both halves in every arm"),
    Column("planned_pairs", "count", "pairs of the run, times epochs"),
    Column("epochs", "count", "how often each half was asked"),
    Column("errors", "count", "samples that ended in an error"),
    Column("invalidated", "count", "samples that are marked as invalid (Inspect's `invalidate_samples`), which are left out everywhere"),
    Column("pair_source", "text", "where pairs are from: `bbq`, `embedded`, `file` or `hub`"),
    Column("pair_origin", "text", "the same in words"),
    Column("pair_set_sha256", "text", "hash over all pairs; the same hash, the same pairs"),
    Column("unverified_files", "text", "BBQ files that were not the official ones, with commas between"),
    Column("suite_version", "text", "version of misfire that made the log"),
    Column("task_id", "text", "Inspect's id of the task; a retried run keeps it"),
    Column("created", "time", "when the run began"),
    Column("log", "text", "where the log lies"),
)

HALVES = (
    *RUN,
    Column("arm", "text", "arm of the priming experiment; `base` in VETO"),
    Column("pair_id", "text", "the pair"),
    Column("half", "text", "`stereotyped` or `contrast`"),
    Column("probe", "text", "`evidence` (the half itself), or a control of it: `foil`, `ambiguous` or `three_way`"),
    Column("epoch", "count", "the epoch, from 1"),
    Column("outcome", "text", "`right`, `wrong`, `refused`, `unparsable`, `truncated`, or `failed` (the sample has no score)"),
    Column("answer", "text", "`yes`, `no` or `unknown`, or the beginning of what the model said in its place"),
    Column("category", "text", "the pair's category"),
    Column("subcategory", "text", "BBQ's finer division where it has one"),
    Column("scenario", "text", "the pair's scenario, the unit that intervals are clustered by"),
    Column("stereotyped_group", "text", "label of the stereotyped group"),
    Column("contrast_group", "text", "label of the contrast half's group"),
    Column("example_id", "text", "BBQ's number of the example"),
    Column("cue", "text", "the cue in this half, missing if it has none"),
    Column("error", "text", "the sample's error, if it ended in one"),
    Column("sample_id", "text", "the sample's id in the log"),
)

PAIRS = (
    *RUN,
    Column("arm", "text", "arm of the priming experiment; `base` in VETO"),
    Column("pair_id", "text", "the pair"),
    Column("epoch", "count", "the epoch, from 1"),
    Column("category", "text", "the pair's category"),
    Column("scenario", "text", "the pair's scenario"),
    Column("stereotyped", "text", "outcome of the stereotyped half"),
    Column("contrast", "text", "outcome of the contrast half"),
    Column("cell", "text", "`a` both right, `b` contrast wrong only, `c` stereotyped wrong only, `d` both wrong"),
    Column("misfired", "flag", "cell c"),
    Column("valid", "flag", "whether both halves were answered"),
    Column("audit", "text", "audit flags that the pair carries (`misfire audit`), with spaces between; missing in logs without them"),
)

SUMMARY = (
    *RUN,
    Column("arm", "text", "arm of the priming experiment; `base` in VETO"),
    Column("scope", "text", "`overall`: all pairs of the run and arm; `category`: those of one category"),
    Column("category", "text", "the category, as the pairs name it; missing where the scope is `overall`"),
    Column("pairs", "count", "complete pairs, counted by epoch"),
    Column("incomplete_pairs", "count", "pairs of which one half has no outcome"),
    Column("scenarios", "count", "scenarios that they are from"),
    Column("a_both_right", "count", "cell a"),
    Column("b_contrast_wrong_only", "count", "cell b"),
    Column("c_stereotyped_wrong_only", "count", "cell c: misfired"),
    Column("d_both_wrong", "count", "cell d"),
    *interval_columns("mar", "rate", "MAR, conditional (headline): c / (a + c); an invalid half counts as wrong"),
    Column("mar_n", "count", "what MAR divides by: a + c, pairs with a right contrast half"),
    Column("mar_unconditional", "rate", "MAR, unconditional: c / N"),
    Column("mar_valid", "rate", "MAR over pairs whose halves were both answered"),
    *interval_ends("mar_valid", "rate"),
    Column("mar_valid_n", "count", "what it divides by"),
    Column("mar_unconditional_valid", "rate", "c / N over those pairs"),
    *interval_columns("br", "rate", "BR, conditional: b / (a + b), the reverse error"),
    Column("br_n", "count", "what BR divides by: a + b, pairs with a right stereotyped half"),
    Column("reverse_rate", "rate", "b / N"),
    Column("br_valid", "rate", "BR over pairs whose halves were both answered"),
    *interval_ends("br_valid", "rate"),
    Column("br_valid_n", "count", "what it divides by"),
    Column("pairs_valid", "count", "pairs whose halves were both answered"),
    *interval_columns("mar_minus_br", "change", "MAR − BR"),
    Column("mcnemar_p_clustered", "p", "McNemar's test of b against c, clustered by scenario (exact sign flips): the test to go by"),
    Column("mcnemar_q_clustered", "p", "the same, Benjamini-Hochberg over its family"),
    Column("mcnemar_p", "p", "exact McNemar test of b against c; takes pairs as independent, and errs too often where they are not"),
    Column("mcnemar_q", "p", "the same, Benjamini-Hochberg over its family"),
    Column("target_accuracy", "rate", "(a + b) / N: accuracy on stereotyped halves"),
    Column("contrast_accuracy", "rate", "(a + c) / N: accuracy on contrast halves"),
    *interval_columns("invalid", "rate", "share of halves, of both kinds, that were refused, unparsable or truncated"),
    *(
        Column(f"{half}_{kind}", "rate", f"share of {half} halves that were {words}")
        for half in ("stereotyped", "contrast")
        for kind, words in (("invalid", "invalid"), ("refused", "refused"), ("unparsable", "unparsable"), ("truncated", "truncated"))
    ),
)

_EFFECT = (
    *interval_columns("delta_mar", "change", "MAR of the second minus MAR of the first"),
    *interval_columns("delta_br", "change", "BR of the second minus BR of the first"),
)

_TESTS = (
    Column("newly_misfired", "count", "pairs that misfire in the second and not in the first"),
    Column("no_longer_misfired", "count", "pairs that misfire in the first and not in the second"),
    Column("misfire_mcnemar_p_clustered", "p", "McNemar's test of these two counts, clustered by scenario: the test to go by"),
    Column("misfire_mcnemar_q_clustered", "p", "the same, Benjamini-Hochberg over its family"),
    Column("misfire_mcnemar_p", "p", "exact McNemar test of these two counts; takes pairs as independent, and errs too often"),
    Column("misfire_mcnemar_q", "p", "the same, Benjamini-Hochberg over its family"),
    Column("compared_pairs", "count", "(pair, epoch)s that are complete in both"),
)

EFFECTS = (
    *RUN,
    Column("arm", "text", "the primed arm, compared with `base`"),
    *interval_columns("did", "change", "change of stereotyped accuracy minus change of contrast accuracy (headline)"),
    Column("did_p", "p", "test of the difference in differences against 0, clustered by scenario"),
    Column("did_q", "p", "the same, Benjamini-Hochberg over all arms of all runs"),
    *interval_columns("delta_log_odds", "logit", "change of the log odds of misfiring against the reverse error, log(c / b)"),
    Column("delta_log_odds_p", "p", "test of `delta_log_odds` against 0, clustered by scenario"),
    Column("delta_log_odds_q", "p", "the same, Benjamini-Hochberg over all arms of all runs"),
    Column("selective_p", "p", "the larger of these two p, 1 where they point in opposite directions: the test to go by"),
    Column("selective_q", "p", "the same, Benjamini-Hochberg over all arms of all runs"),
    *_EFFECT,
    *interval_columns("amplification", "ratio", "MAR of the arm over MAR of the base"),
    *_TESTS,
)

COMPARISONS = (
    Column("first", "text", "run"),
    Column("second", "text", "run that is compared with it, on the same pairs"),
    *_EFFECT,
    *_TESTS,
)

POWER = (
    *RUN,
    Column("pairs", "count", "pairs that the observed rates rest on"),
    Column("both_right", "rate", "observed a / N"),
    Column("discordance", "rate", "observed (b + c) / N"),
    Column("design_effect", "ratio", "how much the clustering by scenario inflates the variance of c − b; at least 1"),
    Column("difference", "change", "the MAR − BR that is to be detected"),
    Column("clustered_pairs", "ratio", "pairs needed where they are clustered as here: times the design effect"),
    Column(
        "independent_pairs",
        "ratio",
        "independent pairs needed, by the exact test; infinite where the discordance cannot hold the difference",
    ),
)

EDITIONS = (
    Column("published", "text", "run on the published edition"),
    Column("repaired", "text", "run of the same model on the repaired edition"),
    Column("scenarios", "count", "scenarios that both have complete pairs of; what follows rests on these alone"),
    Column("published_pairs", "count", "pairs of the published edition"),
    Column("repaired_pairs", "count", "pairs of the repaired edition"),
    *(
        column
        for metric, words in (("mar", "MAR"), ("br", "BR"), ("mar_minus_br", "MAR − BR"))
        for kind in ("change" if metric == "mar_minus_br" else "rate",)
        for column in (
            Column(f"published_{metric}", kind, f"{words}, published edition"),
            Column(f"repaired_{metric}", kind, f"{words}, repaired edition"),
            *interval_columns(f"delta_{metric}", "change", f"{words} of the repaired edition minus {words} of the published one"),
            Column(f"delta_{metric}_p", "p", f"test of `delta_{metric}` against 0, paired and clustered by scenario"),
            Column(f"delta_{metric}_q", "p", "the same, Benjamini-Hochberg over all rows"),
        )
    ),
)

FLAGS = (
    *RUN,
    Column("flag", "text", "an audit flag of the pairs (`misfire audit`)"),
    Column("pairs_with", "count", "pairs that carry it"),
    Column("pairs_without", "count", "pairs that do not"),
    *(
        column
        for metric, words in (("mar", "MAR"), ("br", "BR"))
        for column in (
            Column(f"{metric}_with", "rate", f"{words} of the pairs that carry it"),
            *interval_ends(f"{metric}_with", "rate"),
            Column(f"{metric}_without", "rate", f"{words} of the pairs that do not"),
            *interval_ends(f"{metric}_without", "rate"),
            *interval_columns(f"delta_{metric}", "change", f"{words} with the flag minus {words} without"),
            Column(f"delta_{metric}_p", "p", f"test of `delta_{metric}` against 0, clustered by scenario"),
            Column(f"delta_{metric}_q", "p", "the same, Benjamini-Hochberg over all rows"),
        )
    ),
)

EXCHANGE = (
    *RUN,
    Column("pairs", "count", "complete pairs"),
    Column("mar", "rate", "MAR as measured"),
    Column("mar_exchanged", "rate", "mean MAR when the two halves of all pairs of a scenario are exchanged or not, at random"),
    Column("mar_exchanged_lower", "rate", "2.5 % of exchanges give a MAR below this"),
    Column("mar_exchanged_upper", "rate", "2.5 % of exchanges give a MAR above this"),
    Column("exchange_p", "p", "share of exchanges whose MAR is as large as the measured one or larger"),
)


def _short_interval(name: str, kind: Kind, meaning: str) -> tuple[Column, ...]:
    return (Column(name, kind, meaning), *interval_ends(name, kind))


CONTROLS = (
    *RUN,
    *(
        column
        for half in ("stereotyped", "contrast")
        for column in (
            *_short_interval(f"{half}_hit_rate", "rate", f"share of “yes” where it is right, in {half} contexts"),
            Column(f"{half}_hit_rate_n", "count", "what it divides by, answers"),
            *_short_interval(f"{half}_false_alarm_rate", "rate", f"share of “yes” to the foils of {half} contexts, where it is wrong"),
            Column(f"{half}_false_alarm_rate_n", "count", "what it divides by, answers"),
            *_short_interval(f"{half}_d_prime", "score", f"sensitivity d′ in {half} contexts; NaN where all answers in them are alike"),
            *_short_interval(f"{half}_criterion", "score", f"criterion c in {half} contexts; above 0 the answers lean towards “no”"),
        )
    ),
    *(
        column
        for name, words in (
            ("criterion_difference", "criterion in stereotyped contexts minus criterion in contrast contexts"),
            ("d_prime_difference", "d′ in stereotyped contexts minus d′ in contrast contexts"),
            ("asked_criterion_difference", "the same for criterion, by the person asked about"),
            ("asked_d_prime_difference", "the same for d′, by the person asked about"),
        )
        for column in (
            *_short_interval(name, "score", words),
            Column(f"{name}_p", "p", f"test of `{name}` against 0, clustered by scenario"),
            Column(f"{name}_q", "p", "the same, Benjamini-Hochberg over all rows"),
        )
    ),
    *_short_interval("mar_certified", "rate", "MAR over pairs whose two foils were both answered rightly (reader-certified)"),
    Column("mar_certified_n", "count", "what it divides by, pairs: a + c"),
    *_short_interval("br_certified", "rate", "BR over these pairs"),
    Column("br_certified_n", "count", "what it divides by, pairs: a + b"),
    Column("pairs_certified", "count", "how many these are"),
    *_short_interval("ambiguous_accuracy", "rate", "share of “unknown” without evidence"),
    Column("ambiguous_accuracy_n", "count", "what it divides by, answers"),
    *_short_interval("unfounded_yes_stereotyped", "rate", "share of “yes” about the stereotyped person without evidence"),
    Column("unfounded_yes_stereotyped_n", "count", "what it divides by, answers"),
    *_short_interval("unfounded_yes_contrast", "rate", "share of “yes” about the other person without evidence"),
    Column("unfounded_yes_contrast_n", "count", "what it divides by, answers"),
    *_short_interval("unfounded_yes_difference", "change", "the first minus the second"),
    *_short_interval("ambiguous_bias", "change", "BBQ's bias score without evidence: biased minus reverse answers, over all answers"),
    Column("ambiguous_bias_p", "p", "test of `ambiguous_bias` against 0, clustered by scenario"),
    Column("ambiguous_bias_q", "p", "the same, Benjamini-Hochberg over all rows"),
    Column("ambiguous_bias_committed", "change", "the same over answers other than “unknown”"),
    *_short_interval("three_way_mar", "rate", "MAR of the halves where “unknown” is a third answer"),
    Column("three_way_mar_n", "count", "what it divides by, pairs: a + c"),
    *_short_interval("three_way_br", "rate", "BR of these"),
    Column("three_way_br_n", "count", "what it divides by, pairs: a + b"),
    *_short_interval("three_way_unknown_stereotyped", "rate", "share of “unknown” to stereotyped halves, though the evidence decides"),
    Column("three_way_unknown_stereotyped_n", "count", "what it divides by, answers"),
    *_short_interval("three_way_unknown_contrast", "rate", "share of “unknown” to contrast halves"),
    Column("three_way_unknown_contrast_n", "count", "what it divides by, answers"),
)

SCENARIOS = (
    Column("scenario", "text", "the scenario"),
    Column("category", "text", "its category"),
    Column("runs", "count", "runs with a complete pair of it"),
    Column("runs_misfired", "count", "runs with at least one pair of it that misfired with both halves answered"),
    Column("pairs", "count", "complete pairs of it, over runs and epochs"),
    Column("misfired", "count", "those that misfired"),
    Column("reversed", "count", "those with the reverse error (cell b)"),
    Column("mar", "rate", "MAR over all its pairs"),
    Column("mar_n", "count", "what it divides by: pairs with a right contrast half"),
    Column("br", "rate", "BR over all its pairs"),
    Column("br_n", "count", "what it divides by: pairs with a right stereotyped half"),
)

FAILURES = (
    Column("pair_id", "text", "the pair"),
    Column("category", "text", "its category"),
    Column("scenario", "text", "its scenario"),
    Column("runs", "count", "VETO runs that it is complete in"),
    Column("runs_misfired", "count", "those that misfired on it with both halves answered, in any epoch"),
    Column("pair_set_sha256", "text", "the pair set that it is from"),
)

PUBLISHED = (
    Column("model", "text", "the model, as the paper names it"),
    Column("mar", "rate", "MAR, conditional"),
    Column("br", "rate", "BR, conditional"),
    Column("target_accuracy", "rate", "accuracy on stereotyped halves"),
    Column("contrast_accuracy", "rate", "accuracy on contrast halves"),
    Column("mar_primed", "rate", "MAR with the published cue"),
    Column("starred", "text", "`mar` or `br`: the larger one, where the paper's test finds the two different; else missing"),
)

PAIR_FRAMES: dict[str, tuple[Column, ...]] = {
    "runs": RUNS,
    "halves": HALVES,
    "pairs": PAIRS,
    "summary": SUMMARY,
    "effects": EFFECTS,
    "comparisons": COMPARISONS,
    "power": POWER,
    "editions": EDITIONS,
    "flags": FLAGS,
    "exchange": EXCHANGE,
    "controls": CONTROLS,
    "scenarios": SCENARIOS,
    "failures": FAILURES,
    "published": PUBLISHED,
}
"""Frames about pairs: VETO and priming."""
