"""All frames by name, with their columns: for documents, the JSON schema and the reference page."""

from misfire.reports import columns
from misfire.reports.columns import Column
from misfire.reports.misalign import columns as misalign_columns

PAIR_FRAMES: dict[str, tuple[Column, ...]] = {
    "runs": columns.RUNS,
    "halves": columns.HALVES,
    "pairs": columns.PAIRS,
    "summary": columns.SUMMARY,
    "effects": columns.EFFECTS,
    "comparisons": columns.COMPARISONS,
    "power": columns.POWER,
    "editions": columns.EDITIONS,
    "flags": columns.FLAGS,
    "exchange": columns.EXCHANGE,
    "controls": columns.CONTROLS,
    "scenarios": columns.SCENARIOS,
    "failures": columns.FAILURES,
    "published": columns.PUBLISHED,
}
"""Frames about pairs: VETO and priming."""

MISALIGN_FRAMES: dict[str, tuple[Column, ...]] = {
    "misalign_runs": misalign_columns.MISALIGN_RUNS,
    "verdicts": misalign_columns.VERDICTS,
    "alignment": misalign_columns.ALIGNMENT,
    "checks": misalign_columns.CHECKS,
    "overlap": misalign_columns.OVERLAP,
    "conditions": misalign_columns.CONDITIONS,
    "answers": misalign_columns.ANSWERS,
}
"""Frames about Mis-Align Bench."""

FRAMES: dict[str, tuple[Column, ...]] = {**PAIR_FRAMES, **MISALIGN_FRAMES}
"""All frames."""
