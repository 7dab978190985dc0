"""Names, types and meanings of the columns of all frames.

Frames, documents and the JSON schema use these declarations.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "count", "rate", "change", "ratio", "score", "logit", "p", "flag", "time"]
"""Type of the values of a column. ``docs.reference`` describes the values of each kind."""

Scope = Literal["overall", "category"]
"""What a row of the frame ``summary`` covers: all pairs of a run and arm, or those of one category. It is a
column of
its own because users choose the names of categories, so that no category name can stand for "all pairs"."""

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
"""The pandas dtype of each kind."""


@dataclass(frozen=True)
class Column:
    """One column of a frame.

    Attributes:
        name: Name of the column.
        kind: Kind of its values.
        meaning: Description of its values, on one line.
    """

    name: str
    kind: Kind
    meaning: str

    @property
    def dtype(self) -> str:
        """Its pandas dtype."""
        return DTYPES[self.kind]


def frame_of(rows: Iterable[Sequence[object]], columns: Sequence[Column]) -> "pd.DataFrame":
    """Return a typed frame.

    Args:
        rows: One sequence of values per row, in the order of the columns.
        columns: The columns.

    Returns:
        A frame with these columns and their dtypes, even if there are no rows.
    """
    import pandas as pd

    table = list(rows)
    values = zip(*table, strict=True) if table else [() for _ in columns]
    return pd.DataFrame(
        {
            column.name: pd.Series(list(cells), dtype=column.dtype)
            for column, cells in zip(columns, values, strict=True)
        }
    )


def row_values(columns: Sequence[Column], fields: Mapping[str, object]) -> list[object]:
    """Return the values of a row for ``frame_of``, given all its fields by name."""
    return [fields[column.name] for column in columns]


def interval_columns(name: str, kind: Kind, meaning: str, cluster: str = "scenario") -> tuple[Column, ...]:
    """Return the columns for an estimate, its standard error and the ends of its 95 % interval.

    Args:
        name: Name of the estimate.
        kind: Kind of its values.
        meaning: Description of the estimate.
        cluster: The unit by which standard errors are clustered.

    Returns:
        Four columns.
    """
    return (
        Column(name, kind, meaning),
        Column(f"{name}_stderr", kind, f"standard error of `{name}`, clustered by {cluster}"),
        *interval_ends(name, kind),
    )


def interval_ends(name: str, kind: Kind) -> tuple[Column, Column]:
    """Return the columns for the lower and upper end of the 95 % interval of an estimate."""
    return (
        Column(f"{name}_ci_lower", kind, f"lower end of the 95 % interval of `{name}`"),
        Column(f"{name}_ci_upper", kind, f"upper end of the 95 % interval of `{name}`"),
    )


RUN = (
    Column(
        "run",
        "text",
        "short name of the run, unique in the set: the model, and the settings that distinguish its runs",
    ),
    Column("model", "text", "the model, as Inspect names it"),
    Column("task", "text", "`veto` or `priming`"),
    Column(
        "edition",
        "text",
        "how the pairs were built from BBQ: `published` or `repaired`. Missing for other pairs",
    ),
    Column("protocol", "text", "`direct` or `cot`"),
    Column("parser", "text", "how answers were parsed: `strict` or `published`"),
)
"""The first columns of every frame over runs."""

RUNS = (
    *RUN,
    Column(
        "status",
        "text",
        "Inspect's status of the run: `success`, `error`, `cancelled` or `started` (it crashed or is still "
        "running)",
    ),
    Column(
        "complete", "flag", "whether the run finished and every planned pair has both halves in every arm"
    ),
    Column("planned_pairs", "count", "number of pairs of the run, times epochs"),
    Column("epochs", "count", "number of times that each half was asked"),
    Column("errors", "count", "number of samples that ended in an error"),
    Column(
        "invalidated",
        "count",
        "number of samples marked as invalid (Inspect's `invalidate_samples`). They are excluded everywhere",
    ),
    Column("pair_source", "text", "source of the pairs: `bbq`, `embedded`, `file` or `hub`"),
    Column("pair_origin", "text", "description of the source"),
    Column("pair_set_sha256", "text", "hash over all pairs. Equal hashes mean equal pairs"),
    Column("unverified_files", "text", "BBQ files that differ from the official ones, separated by commas"),
    Column("suite_version", "text", "version of misfire that wrote the log"),
    Column("task_id", "text", "Inspect's id of the task. A retried run keeps it"),
    Column("created", "time", "time at which the run started"),
    Column("log", "text", "location of the log"),
)

HALVES = (
    *RUN,
    Column("arm", "text", "arm of the priming experiment; `base` in VETO"),
    Column("pair_id", "text", "the pair"),
    Column("half", "text", "`stereotyped` or `contrast`"),
    Column(
        "probe",
        "text",
        "`evidence` (the half itself) or one of its controls: `foil`, `ambiguous` or `three_way`",
    ),
    Column("epoch", "count", "the epoch, starting at 1"),
    Column(
        "outcome",
        "text",
        "`right`, `wrong`, `refused`, `unparsable`, `truncated`, or `failed` (the sample has no score)",
    ),
    Column(
        "answer",
        "text",
        "`yes`, `no` or `unknown`. If there is no such answer, the beginning of the model's reply",
    ),
    Column(
        "margin",
        "logit",
        "log mass of yes minus log mass of no at the first token, in nats. Positive for yes. Missing if "
        "answers were read from text, or if neither is among the listed tokens",
    ),
    Column(
        "margin_bound",
        "text",
        "what `margin` is: `exact`, or `at least` or `at most` if one of the two answers is not among the "
        "listed tokens",
    ),
    Column(
        "answer_mass",
        "rate",
        "share of the first token's probability mass that is on an answer, as far as it is listed: a lower "
        "bound. Missing if answers were read from text",
    ),
    Column("answer_mass_max", "rate", "upper bound of this share"),
    Column("category", "text", "category of the pair"),
    Column("subcategory", "text", "subcategory in BBQ, if there is one"),
    Column("scenario", "text", "scenario of the pair, the unit by which intervals are clustered"),
    Column("stereotyped_group", "text", "label of the stereotyped group"),
    Column("contrast_group", "text", "label of the contrast group"),
    Column("example_id", "text", "number of the example in BBQ"),
    Column("cue", "text", "the cue in this half. Missing if there is none"),
    Column("error", "text", "error message, if the sample ended in an error"),
    Column("sample_id", "text", "id of the sample in the log"),
)

PAIRS = (
    *RUN,
    Column("arm", "text", "arm of the priming experiment; `base` in VETO"),
    Column("pair_id", "text", "the pair"),
    Column("epoch", "count", "the epoch, starting at 1"),
    Column("category", "text", "category of the pair"),
    Column("scenario", "text", "scenario of the pair"),
    Column("stereotyped", "text", "outcome of the stereotyped half"),
    Column("contrast", "text", "outcome of the contrast half"),
    Column(
        "cell",
        "text",
        "`a`: both right, `b`: only contrast wrong, `c`: only stereotyped wrong, `d`: both wrong",
    ),
    Column("misfired", "flag", "whether the pair is in cell c"),
    Column("valid", "flag", "whether both halves have a valid answer"),
    Column(
        "audit",
        "text",
        "audit flags of the pair (`misfire audit`), separated by spaces. Missing if the log has none",
    ),
)

SUMMARY = (
    *RUN,
    Column("arm", "text", "arm of the priming experiment; `base` in VETO"),
    Column("scope", "text", "`overall`: all pairs of the run and arm. `category`: the pairs of one category"),
    Column("category", "text", "the category as the pairs name it. Missing if the scope is `overall`"),
    Column("pairs", "count", "number of complete pairs, counted per epoch"),
    Column("incomplete_pairs", "count", "number of pairs in which a half has no outcome"),
    Column("scenarios", "count", "number of scenarios of these pairs"),
    Column("a_both_right", "count", "number of pairs in cell a"),
    Column("b_contrast_wrong_only", "count", "number of pairs in cell b"),
    Column("c_stereotyped_wrong_only", "count", "number of pairs in cell c: misfired"),
    Column("d_both_wrong", "count", "number of pairs in cell d"),
    *interval_columns(
        "mar", "rate", "MAR, conditional (headline): c / (a + c). An invalid half counts as wrong"
    ),
    Column("mar_n", "count", "denominator of MAR: a + c, pairs with a right contrast half"),
    Column("mar_unconditional", "rate", "MAR, unconditional: c / N"),
    Column("mar_valid", "rate", "MAR over pairs with two valid answers"),
    *interval_ends("mar_valid", "rate"),
    Column("mar_valid_n", "count", "denominator of `mar_valid`"),
    Column("mar_unconditional_valid", "rate", "c / N over pairs with two valid answers"),
    *interval_columns("br", "rate", "BR, conditional: b / (a + b), the reverse error"),
    Column("br_n", "count", "denominator of BR: a + b, pairs with a right stereotyped half"),
    Column("reverse_rate", "rate", "b / N"),
    Column("br_valid", "rate", "BR over pairs with two valid answers"),
    *interval_ends("br_valid", "rate"),
    Column("br_valid_n", "count", "denominator of `br_valid`"),
    Column("pairs_valid", "count", "number of pairs with two valid answers"),
    *interval_columns("mar_minus_br", "change", "MAR − BR"),
    Column(
        "mcnemar_p_clustered",
        "p",
        "McNemar test of b against c, clustered by scenario (exact sign flips). Use this test",
    ),
    Column("mcnemar_q_clustered", "p", "`mcnemar_p_clustered`, Benjamini-Hochberg adjusted over its family"),
    Column(
        "mcnemar_p",
        "p",
        "exact McNemar test of b against c. It assumes independent pairs and rejects too often if they are "
        "dependent",
    ),
    Column("mcnemar_q", "p", "`mcnemar_p`, Benjamini-Hochberg adjusted over its family"),
    Column("target_accuracy", "rate", "(a + b) / N: accuracy on stereotyped halves"),
    Column("contrast_accuracy", "rate", "(a + c) / N: accuracy on contrast halves"),
    *interval_columns(
        "invalid", "rate", "share of halves of both kinds that are refused, unparsable or truncated"
    ),
    *(
        Column(f"{half}_{kind}", "rate", f"share of {half} halves that are {words}")
        for half in ("stereotyped", "contrast")
        for kind, words in (
            ("invalid", "invalid"),
            ("refused", "refused"),
            ("unparsable", "unparsable"),
            ("truncated", "truncated"),
        )
    ),
    Column(
        "answer_mass",
        "rate",
        "mean share of the first token's probability mass that is on yes or no. Missing if answers were read "
        "from text",
    ),
    *(
        Column(f"{half}_answer_mass", "rate", f"the same, over {half} halves")
        for half in ("stereotyped", "contrast")
    ),
    Column("low_answer_mass", "rate", "share of halves in which this share is below one half"),
)

_EFFECT = (
    *interval_columns("delta_mar", "change", "MAR of the second minus MAR of the first"),
    *interval_columns("delta_br", "change", "BR of the second minus BR of the first"),
)

_TESTS = (
    Column("newly_misfired", "count", "number of pairs that misfire in the second but not in the first"),
    Column("no_longer_misfired", "count", "number of pairs that misfire in the first but not in the second"),
    Column(
        "misfire_mcnemar_p_clustered",
        "p",
        "McNemar test of these two counts, clustered by scenario. Use this test",
    ),
    Column(
        "misfire_mcnemar_q_clustered",
        "p",
        "`misfire_mcnemar_p_clustered`, Benjamini-Hochberg adjusted over its family",
    ),
    Column(
        "misfire_mcnemar_p",
        "p",
        "exact McNemar test of these two counts. It assumes independent pairs and rejects too often",
    ),
    Column("misfire_mcnemar_q", "p", "`misfire_mcnemar_p`, Benjamini-Hochberg adjusted over its family"),
    Column("compared_pairs", "count", "number of (pair, epoch) combinations that are complete in both"),
)

EFFECTS = (
    *RUN,
    Column("arm", "text", "the primed arm, which is compared with `base`"),
    *interval_columns(
        "did", "change", "change in stereotyped accuracy minus change in contrast accuracy (headline)"
    ),
    Column("did_p", "p", "test of the difference in differences against 0, clustered by scenario"),
    Column("did_q", "p", "`did_p`, Benjamini-Hochberg adjusted over all arms of all runs"),
    *interval_columns(
        "delta_log_odds", "logit", "change in the log odds of misfiring against the reverse error, log(c / b)"
    ),
    Column("delta_log_odds_p", "p", "test of `delta_log_odds` against 0, clustered by scenario"),
    Column(
        "delta_log_odds_q", "p", "`delta_log_odds_p`, Benjamini-Hochberg adjusted over all arms of all runs"
    ),
    Column(
        "selective_p",
        "p",
        "the larger of `did_p` and `delta_log_odds_p`, or 1 if the two effects have opposite signs. Use "
        "this test",
    ),
    Column("selective_q", "p", "`selective_p`, Benjamini-Hochberg adjusted over all arms of all runs"),
    *_EFFECT,
    *interval_columns("amplification", "ratio", "MAR of the arm divided by MAR of the base"),
    *_TESTS,
)

COMPARISONS = (
    Column("first", "text", "the first run"),
    Column("second", "text", "the second run, on the same pairs"),
    *_EFFECT,
    *_TESTS,
)

POWER = (
    *RUN,
    Column("pairs", "count", "number of pairs that the observed rates are based on"),
    Column("both_right", "rate", "observed a / N"),
    Column("discordance", "rate", "observed (b + c) / N"),
    Column(
        "design_effect",
        "ratio",
        "factor by which clustering by scenario increases the variance of c − b. At least 1",
    ),
    Column("difference", "change", "the MAR − BR to detect"),
    Column(
        "clustered_pairs",
        "ratio",
        "number of pairs needed with the clustering observed here: independent pairs times the design effect",
    ),
    Column(
        "independent_pairs",
        "ratio",
        "number of independent pairs needed for the exact test. Infinite if the discordance is too small "
        "for the difference",
    ),
)

EDITIONS = (
    Column("published", "text", "run on the published edition"),
    Column("repaired", "text", "run of the same model on the repaired edition"),
    Column(
        "scenarios",
        "count",
        "number of scenarios with complete pairs in both runs. The other columns use only these scenarios",
    ),
    Column("published_pairs", "count", "number of pairs of the published edition"),
    Column("repaired_pairs", "count", "number of pairs of the repaired edition"),
    *(
        column
        for metric, words in (("mar", "MAR"), ("br", "BR"), ("mar_minus_br", "MAR − BR"))
        for kind in ("change" if metric == "mar_minus_br" else "rate",)
        for column in (
            Column(f"published_{metric}", kind, f"{words}, published edition"),
            Column(f"repaired_{metric}", kind, f"{words}, repaired edition"),
            *interval_columns(
                f"delta_{metric}",
                "change",
                f"{words} of the repaired edition minus {words} of the published edition",
            ),
            Column(
                f"delta_{metric}_p",
                "p",
                f"test of `delta_{metric}` against 0, paired and clustered by scenario",
            ),
            Column(f"delta_{metric}_q", "p", "the p-value, Benjamini-Hochberg adjusted over all rows"),
        )
    ),
)

FLAGS = (
    *RUN,
    Column("flag", "text", "an audit flag of the pairs (`misfire audit`)"),
    Column("pairs_with", "count", "number of pairs with the flag"),
    Column("pairs_without", "count", "number of pairs without the flag"),
    *(
        column
        for metric, words in (("mar", "MAR"), ("br", "BR"))
        for column in (
            Column(f"{metric}_with", "rate", f"{words} of the pairs with the flag"),
            *interval_ends(f"{metric}_with", "rate"),
            Column(f"{metric}_without", "rate", f"{words} of the pairs without the flag"),
            *interval_ends(f"{metric}_without", "rate"),
            *interval_columns(f"delta_{metric}", "change", f"{words} with the flag minus {words} without"),
            Column(f"delta_{metric}_p", "p", f"test of `delta_{metric}` against 0, clustered by scenario"),
            Column(f"delta_{metric}_q", "p", "the p-value, Benjamini-Hochberg adjusted over all rows"),
        )
    ),
)

EXCHANGE = (
    *RUN,
    Column("pairs", "count", "number of complete pairs"),
    Column("mar", "rate", "MAR as measured"),
    Column(
        "mar_exchanged",
        "rate",
        "mean MAR after the two halves of all pairs of randomly chosen scenarios are exchanged",
    ),
    Column("mar_exchanged_lower", "rate", "2.5 % of exchanges give a MAR below this"),
    Column("mar_exchanged_upper", "rate", "2.5 % of exchanges give a MAR above this"),
    Column("exchange_p", "p", "share of exchanges whose MAR is at least the measured MAR"),
)


def _short_interval(name: str, kind: Kind, meaning: str) -> tuple[Column, ...]:
    return (Column(name, kind, meaning), *interval_ends(name, kind))


CONTROLS = (
    *RUN,
    *(
        column
        for half in ("stereotyped", "contrast")
        for column in (
            *_short_interval(
                f"{half}_hit_rate", "rate", f"share of “yes” answers in {half} contexts where “yes” is right"
            ),
            Column(f"{half}_hit_rate_n", "count", "denominator of the hit rate: answers"),
            *_short_interval(
                f"{half}_false_alarm_rate",
                "rate",
                f"share of “yes” answers to the foils of {half} contexts, where “yes” is wrong",
            ),
            Column(f"{half}_false_alarm_rate_n", "count", "denominator of the false alarm rate: answers"),
            *_short_interval(
                f"{half}_d_prime",
                "score",
                f"sensitivity d′ in {half} contexts. NaN if all answers there are the same",
            ),
            *_short_interval(
                f"{half}_criterion",
                "score",
                f"criterion c in {half} contexts. Positive values mean a tendency toward “no”",
            ),
        )
    ),
    *(
        column
        for name, words in (
            (
                "criterion_difference",
                "criterion in stereotyped contexts minus criterion in contrast contexts",
            ),
            ("d_prime_difference", "d′ in stereotyped contexts minus d′ in contrast contexts"),
            (
                "asked_criterion_difference",
                "as `criterion_difference`, but grouped by the person asked about",
            ),
            ("asked_d_prime_difference", "as `d_prime_difference`, but grouped by the person asked about"),
        )
        for column in (
            *_short_interval(name, "score", words),
            Column(f"{name}_p", "p", f"test of `{name}` against 0, clustered by scenario"),
            Column(f"{name}_q", "p", "the p-value, Benjamini-Hochberg adjusted over all rows"),
        )
    ),
    *_short_interval(
        "mar_certified",
        "rate",
        "MAR over certified pairs: both foils were answered correctly, which shows that the model read the "
        "contexts",
    ),
    Column("mar_certified_n", "count", "denominator of `mar_certified`: pairs in a + c"),
    *_short_interval("br_certified", "rate", "BR over certified pairs"),
    Column("br_certified_n", "count", "denominator of `br_certified`: pairs in a + b"),
    Column("pairs_certified", "count", "number of certified pairs"),
    *_short_interval("ambiguous_accuracy", "rate", "share of “unknown” answers without evidence"),
    Column("ambiguous_accuracy_n", "count", "denominator of `ambiguous_accuracy`: answers"),
    *_short_interval(
        "unfounded_yes_stereotyped",
        "rate",
        "share of “yes” answers about the stereotyped person without evidence",
    ),
    Column("unfounded_yes_stereotyped_n", "count", "denominator of `unfounded_yes_stereotyped`: answers"),
    *_short_interval(
        "unfounded_yes_contrast", "rate", "share of “yes” answers about the other person without evidence"
    ),
    Column("unfounded_yes_contrast_n", "count", "denominator of `unfounded_yes_contrast`: answers"),
    *_short_interval(
        "unfounded_yes_difference", "change", "`unfounded_yes_stereotyped` minus `unfounded_yes_contrast`"
    ),
    *_short_interval(
        "ambiguous_bias",
        "change",
        "BBQ's bias score without evidence: biased minus reverse answers, divided by all answers",
    ),
    Column("ambiguous_bias_p", "p", "test of `ambiguous_bias` against 0, clustered by scenario"),
    Column("ambiguous_bias_q", "p", "`ambiguous_bias_p`, Benjamini-Hochberg adjusted over all rows"),
    Column("ambiguous_bias_committed", "change", "BBQ's bias score over answers other than “unknown”"),
    *_short_interval("three_way_mar", "rate", "MAR of the halves that allow “unknown” as a third answer"),
    Column("three_way_mar_n", "count", "denominator of `three_way_mar`: pairs in a + c"),
    *_short_interval("three_way_br", "rate", "BR of the halves that allow “unknown” as a third answer"),
    Column("three_way_br_n", "count", "denominator of `three_way_br`: pairs in a + b"),
    *_short_interval(
        "three_way_unknown_stereotyped",
        "rate",
        "share of “unknown” answers to stereotyped halves, although the evidence is decisive",
    ),
    Column(
        "three_way_unknown_stereotyped_n", "count", "denominator of `three_way_unknown_stereotyped`: answers"
    ),
    *_short_interval(
        "three_way_unknown_contrast",
        "rate",
        "share of “unknown” answers to contrast halves, although the evidence is decisive",
    ),
    Column("three_way_unknown_contrast_n", "count", "denominator of `three_way_unknown_contrast`: answers"),
)

SCENARIOS = (
    Column("scenario", "text", "the scenario"),
    Column("category", "text", "category of the scenario"),
    Column("runs", "count", "number of runs with a complete pair of the scenario"),
    Column(
        "runs_misfired",
        "count",
        "number of runs in which at least one of its pairs misfired with two valid answers",
    ),
    Column("pairs", "count", "number of its complete pairs, over all runs and epochs"),
    Column("misfired", "count", "number of its pairs that misfired"),
    Column("reversed", "count", "number of its pairs with the reverse error (cell b)"),
    Column("mar", "rate", "MAR over all its pairs"),
    Column("mar_n", "count", "denominator of MAR: pairs with a right contrast half"),
    Column("br", "rate", "BR over all its pairs"),
    Column("br_n", "count", "denominator of BR: pairs with a right stereotyped half"),
)

FAILURES = (
    Column("pair_id", "text", "the pair"),
    Column("category", "text", "category of the pair"),
    Column("scenario", "text", "scenario of the pair"),
    Column("runs", "count", "number of VETO runs in which the pair is complete"),
    Column(
        "runs_misfired",
        "count",
        "number of VETO runs that misfired on it with two valid answers, in any epoch",
    ),
    Column("pair_set_sha256", "text", "hash of its pair set"),
)

PUBLISHED = (
    Column("model", "text", "the model, as the paper names it"),
    Column("mar", "rate", "MAR, conditional"),
    Column("br", "rate", "BR, conditional"),
    Column("target_accuracy", "rate", "accuracy on stereotyped halves"),
    Column("contrast_accuracy", "rate", "accuracy on contrast halves"),
    Column("mar_primed", "rate", "MAR with the published cue"),
    Column(
        "starred",
        "text",
        "`mar` or `br`: the larger one, if the paper's test finds that they differ. Otherwise missing",
    ),
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
"""The frames about pairs, for VETO and priming."""
