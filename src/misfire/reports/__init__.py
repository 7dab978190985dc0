"""Read logs and report results as frames, tables and figures.

>>> from misfire.reports import read_results
>>> results = read_results("logs")
>>> results.summary  # one row per (run, arm, category); also runs, halves, pairs, effects, comparisons,
power, scenarios
"""

from misfire.reports.formats.summary import schema as summary_schema
from misfire.reports.results import Results, read_results

__all__ = ["Results", "read_results", "summary_schema"]
