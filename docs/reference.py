"""Generate two reference files from the code: the columns of the frames, and the JSON schema of ``summary.json``.

Run ``python -m docs.reference`` in the repository. ``docs/frames.md`` is committed. ``docs/summary.schema.json`` is not, because it is long
and ``misfire.reports.summary_schema`` returns the same.
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
    "rate": "0 to 1; NaN where nothing was measured",
    "change": "difference of two rates, -1 to 1; NaN where nothing was measured",
    "ratio": "0 or more, may be infinite; NaN where it is undefined",
    "score": "standard deviations; NaN where nothing was measured",
    "logit": "difference of natural log odds; NaN where nothing was measured",
    "p": "p- or q-value; NaN where no test could be made",
    "flag": "true or false",
    "time": "ISO 8601 with zone",
}

_ABOUT = {
    "runs": "One row a run: what it was, and whether it is whole.",
    "halves": "One row a (run, arm, half, epoch). A half that serves several arms stands in each.",
    "pairs": "One row a (run, arm, pair, epoch) that has both halves.",
    "summary": "One row a (run, arm) over all its pairs (`scope` is `overall`), then one for each category (`category`). Families of "
    "q-values: all VETO runs; all (VETO run, category)s; in priming the same over all arms of all runs.",
    "effects": "One row a (priming run, primed arm), compared with the run's base arm: “first” is the base, “second” the arm. The family "
    "of the q-values is all rows, all arms of all runs; the q-values in a log are over the arms of that run alone.",
    "comparisons": "One row for every two VETO runs on the same pairs; the family of the q-values is all rows.",
    "power": "One row a (VETO run, MAR − BR to be detected).",
    "editions": "One row for every model with VETO runs on the published and on the repaired edition.",
    "flags": "One row a (VETO run, audit flag that some of its pairs carry and some do not).",
    "exchange": "One row a VETO run.",
    "controls": "One row a VETO run with controls (`-T controls=true`).",
    "scenarios": "One row a scenario of the VETO runs, those that misfire in most runs first.",
    "failures": "One row a misfired pair, those that most runs misfire on first (`misfire.reports.pairs.failures.failure_frame(results)`).",
    "misalign_runs": "`results.misalign.runs`. One row a run of Mis-Align Bench.",
    "verdicts": "`results.misalign.verdicts`. One row a sample, with the judge's own reason.",
    "alignment": "`results.misalign.alignment`. One row a (detect run, level, name): the joint verdict, each dimension, each domain. "
    "Dimensions and domains go by the dimension's own verdict, over the instances that have a domain of it.",
    "checks": "`results.misalign.checks`. One row a detect run.",
    "overlap": "`results.misalign.overlap`. One row a (detect run, response, set of dimensions).",
    "conditions": "`results.misalign.conditions`. One row a (model, dimension) with runs that asked alone (`-T joint=false`) and together.",
    "answers": "`results.misalign.answers`. One row a generate run.",
    "published": "One row a model of the paper's main table, and the human baseline "
    "(`misfire.reports.pairs.published_results.published_results()`); context, never part of a test.",
}


def pages() -> dict[str, str]:
    """The text of each generated file, by file name."""
    return {"frames.md": _frames_page(), "summary.schema.json": json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"}


def _frames_page() -> str:
    lines = [
        "# Frames",
        "",
        "What `misfire.reports.read_results(logs)` gives, and what the tables and `summary.json` of a report are made of.",
        "Intervals are 95 %, clustered by scenario, in Mis-Align Bench by instance.",
        "",
        "| kind | type in pandas | values |",
        "|---|---|---|",
        *(f"| {kind} | {DTYPES[kind]} | {values} |" for kind, values in _VALUES.items()),
    ]
    for name, columns in FRAMES.items():
        lines += ["", f"## `{name}`", "", f"{_ABOUT[name]}", "", "| column | kind | meaning |", "|---|---|---|"]
        lines += [f"| `{column.name}` | {column.kind} | {column.meaning} |" for column in columns]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8", newline="\n")
