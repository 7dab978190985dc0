"""Generate two reference files from the code.

They are the columns of the frames, and the JSON schema of ``summary.json``.

Run ``python -m docs.reference`` in the repository. ``docs/frames.md`` is committed.
``docs/summary.schema.json`` is not, because it is long and ``misfire.reports.summary_schema`` returns the
same.
"""

import json
from pathlib import Path

from misfire.reports.columns import DTYPES, Kind
from misfire.reports.formats.summary import schema
from misfire.reports.schema import FRAMES

DOCS = Path(__file__).resolve().parent
"""The folder of the documentation."""

_VALUES: dict[Kind, str] = {
    "text": "text; may be missing",
    "count": "0, 1, …",
    "rate": "0 to 1; NaN if nothing was measured",
    "change": "the difference of two rates, -1 to 1; NaN if nothing was measured",
    "ratio": "0 or more, may be infinite; NaN if it is undefined",
    "score": "standard deviations; NaN if nothing was measured",
    "logit": "natural log odds, or a difference of them; NaN if nothing was measured",
    "p": "a p- or q-value; NaN if no test was possible",
    "flag": "true or false",
    "time": "ISO 8601 with the time zone",
}

_ABOUT = {
    "runs": "One row for each run: what it was, and whether it is complete.",
    "halves": "One row for each run, arm, half and epoch. A half that belongs to several arms has a row in "
    "each.",
    "pairs": "One row for each run, arm, pair and epoch with both halves.",
    "summary": "One row for each run and arm over all its pairs (`scope` is `overall`), then one for each "
    "category (`category`). The q-values have these families: all VETO runs; all combinations of a VETO run "
    "and a category; for priming, the same over all arms of all runs.",
    "effects": "One row for each primed arm of a priming run, compared with the base arm of the run: “first” "
    "is the base arm, “second” the primed arm. The family of the q-values is all rows, that is, all arms of "
    "all runs. The q-values in a log are over the arms of that run only.",
    "comparisons": "One row for every two VETO runs on the same pairs. The family of the q-values is all "
    "rows.",
    "power": "One row for each VETO run and each MAR − BR to detect.",
    "editions": "One row for each model with VETO runs on the published and on the repaired edition.",
    "flags": "One row for each VETO run and each audit flag that some of its pairs have and some do not.",
    "exchange": "One row for each VETO run.",
    "controls": "One row for each VETO run with controls (`-T controls=true`).",
    "scenarios": "One row for each scenario of the VETO runs. Those that misfire in most runs come first.",
    "failures": "One row for each pair that misfires. Those that misfire in most runs come first "
    "(`misfire.reports.pairs.failures.failure_frame(results)`).",
    "misalign_runs": "`results.misalign.runs`. One row for each run of Mis-Align Bench.",
    "verdicts": "`results.misalign.verdicts`. One row for each sample, with the judge's own reason.",
    "alignment": "`results.misalign.alignment`. One row for each detect run, level and name: the joint "
    "verdict, each dimension, each domain. Dimensions and domains use the verdict of the dimension, over the "
    "instances that have a domain of it.",
    "checks": "`results.misalign.checks`. One row for each detect run.",
    "overlap": "`results.misalign.overlap`. One row for each detect run, response and set of dimensions.",
    "conditions": "`results.misalign.conditions`. One row for each model and dimension with runs that asked "
    "it alone (`-T joint=false`) and together with the others.",
    "answers": "`results.misalign.answers`. One row for each generate run.",
    "published": "One row for each model of the paper's main table, and one for people "
    "(`misfire.reports.pairs.published_results.published_results()`). This is context and never part of a "
    "test.",
}


def pages() -> dict[str, str]:
    """The text of each generated file, by file name."""
    return {
        "frames.md": _frames_page(),
        "summary.schema.json": json.dumps(schema(), ensure_ascii=False, indent=1) + "\n",
    }


def _frames_page() -> str:
    lines = [
        "# Frames",
        "",
        (
            "`misfire.reports.read_results(logs)` returns these data frames. The tables and `summary.json` "
            "of a report are made from them."
        ),
        (
            "Intervals are 95 %, clustered by scenario, and in Mis-Align Bench by instance. `make docs` "
            "generates this page from the code."
        ),
        "",
        "| kind | type in pandas | values |",
        "|---|---|---|",
        *(f"| {kind} | {DTYPES[kind]} | {values} |" for kind, values in _VALUES.items()),
    ]
    for name, columns in FRAMES.items():
        lines += [
            "",
            f"## `{name}`",
            "",
            f"{_ABOUT[name]}",
            "",
            "| column | kind | meaning |",
            "|---|---|---|",
        ]
        lines += [f"| `{column.name}` | {column.kind} | {column.meaning} |" for column in columns]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8", newline="\n")
