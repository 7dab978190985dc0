"""Writes the card of a data set, which describes its contents and how it was made.

The card has front matter for the Hugging Face Hub.
"""

# jinja2 is typed in part
# pyright: reportUnknownMemberType=false

import re
from pathlib import Path

from misfire import __version__
from misfire.savacu.build_view import BuildView
from misfire.savacu.prompts import one_line
from misfire.savacu.publish.rows import COLUMNS, PublishReport

CARD = Path(__file__).with_name("card.md.jinja")
"""Template of the card."""

_SPECIAL = re.compile(r"([\\`*\[\]<>#|~$&])")
"""Characters that have a special meaning in Markdown."""


def card(view: BuildView, report: PublishReport) -> str:
    """Fill in the card of a data set.

    Args:
        view: The build.
        report: The report on the rows that were written.

    Returns:
        Markdown, with front matter for the Hub.
    """
    from jinja2 import Environment, StrictUndefined

    recipe = view.recipe
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 (Markdown, of our own)
    environment.filters["shown"] = _shown
    return environment.from_string(CARD.read_text(encoding="utf-8")).render(
        name=recipe.publish.name,
        licence=recipe.publish.licence,
        language=recipe.ingest.filters.language or "mul",
        version=__version__,
        recipe=recipe,
        calibrated=view.calibration is not None,
        wide=max(recipe.split.tau, recipe.dedup.tau),
        total=sum(report.rows.values()),
        splits=[
            {"name": split, "rows": rows, "prompts": report.prompts[split]}
            for split, rows in report.rows.items()
        ],
        touched=", ".join(f"{number}: {count:,}" for number, count in report.dimensions.items()),
        generators=[
            {
                "name": generator.name,
                "model": generator.shown,
                "rows": report.generators.get(generator.name, 0),
            }
            for generator in recipe.respond.generators
        ],
        columns=COLUMNS,
        domains=report.domains,
    )


def _shown(text: str) -> str:
    """Escape a text of the recipe for Markdown: one line, without links, tags, or table delimiters."""
    return _SPECIAL.sub(r"\\\1", one_line(text))
