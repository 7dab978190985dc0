"""The card of a data set: what it holds, how it was made, and the front matter that the hub reads."""

# jinja2 is typed in part
# pyright: reportUnknownMemberType=false

import re
from pathlib import Path

from misfire import __version__
from misfire.savacu.build_view import BuildView
from misfire.savacu.prompts import one_line
from misfire.savacu.publish.rows import COLUMNS, PublishReport

CARD = Path(__file__).with_name("card.md.jinja")
"""The data set's card, to be filled in."""

_SPECIAL = re.compile(r"([\\`*\[\]<>#|~$&])")
"""What means something in a line of Markdown."""


def card(view: BuildView, report: PublishReport) -> str:
    """The data set's card: a front matter that the hub reads, and what there is to know.

    Args:
        view: The build.
        report: What was written.

    Returns:
        Markdown.
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
        splits=[{"name": split, "rows": rows, "prompts": report.prompts[split]} for split, rows in report.rows.items()],
        touched=", ".join(f"{number}: {count:,}" for number, count in report.dimensions.items()),
        generators=[
            {"name": generator.name, "model": generator.shown, "rows": report.generators.get(generator.name, 0)}
            for generator in recipe.respond.generators
        ],
        columns=COLUMNS,
        domains=report.domains,
    )


def _shown(text: str) -> str:
    """A text of the recipe as Markdown shows it: one line, in which nothing is a link, a tag or a cell's end."""
    return _SPECIAL.sub(r"\\\1", one_line(text))
