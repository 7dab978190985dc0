"""Heat maps of runs: MAR and BR by category, and MAR in the scenarios that misfire in most runs."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.heat_maps import NO_TILE, Tile, heat_maps
from misfire.reports.drawing.labels import short_labels
from misfire.reports.number_format import UNDEFINED, percent
from misfire.reports.pairs.figures.entries import Entry
from misfire.reports.pairs.frames import PairFrames
from misfire.reports.pairs.veto_tables import SHOWN_ROWS, SMALL

_MAR_MAP = "MAR (n: pairs with a right contrast half)"
_BR_MAP = "BR (n: pairs with a right stereotyped half)"


def category_drawing(runs: Sequence[Entry], entries: Sequence[Entry]) -> Drawing | None:
    """Draw two heat maps, of MAR and of BR, by run and category."""
    if not entries:
        return None
    names, categories = (
        [entry.label for entry in runs],
        list(dict.fromkeys(entry.category for entry in entries)),
    )
    found = {(entry.run, entry.category): entry for entry in entries}
    rows = [[found.get((run.run, category)) for category in categories] for run in runs]
    by_mar = [[Tile(e.mar.value, e.a + e.c) if e else NO_TILE for e in row] for row in rows]
    by_br = [[Tile(e.br.value, e.a + e.b) if e else NO_TILE for e in row] for row in rows]
    headings = _headings(categories)
    figure = heat_maps({_MAR_MAP: by_mar, _BR_MAP: by_br}, names, headings, SMALL)
    caption = (
        "MAR and BR of each run in each category, in percent. Darker cells are higher, on the same scale. "
        f"n: number of pairs by which the rate is divided. Hatched: n is below {SMALL}, so the rate is only "
        f"a rough guide. {UNDEFINED}: the denominator is 0."
    )
    alt = "; ".join(
        f"{run.label}: MAR {_range(dict(zip(headings, mars, strict=True)))}, BR "
        f"{_range(dict(zip(headings, brs, strict=True)))}"
        for run, mars, brs in zip(runs, by_mar, by_br, strict=True)
    )
    return Drawing("category_heat_map", "MAR and BR by category", caption, f"{alt}.", figure)


def _headings(categories: Sequence[str]) -> list[str]:
    """Return a heading for each category, with spaces for underscores unless this makes two of them equal."""
    spaced = [category.replace("_", " ") for category in categories]
    return list(short_labels(spaced if len(set(spaced)) == len(spaced) else categories).values())


def _range(tiles: Mapping[str, Tile]) -> str:
    """Return the range of rates in a row of a heat map, such as "1.2 % (Age) to 3.4 % (Religion)"."""
    known = sorted((tile.rate, name) for name, tile in tiles.items() if not math.isnan(tile.rate))
    return (
        " to ".join(f"{percent(rate)} ({name})" for rate, name in (known[0], known[-1]))
        if known
        else UNDEFINED
    )


def scenario_drawing(runs: Sequence[Entry], results: PairFrames) -> Drawing | None:
    """Draw the MAR of each run in the scenarios that misfire in most runs."""
    scenarios = [
        (str(scenario), str(category), int(misfired), int(of))
        for scenario, category, misfired, of in results.scenarios[
            ["scenario", "category", "runs_misfired", "runs"]
        ].itertuples(index=False)
        if misfired > 0
    ][:SHOWN_ROWS]
    if len(runs) < 2 or not scenarios:
        return None
    cells = _cells_by_scenario(results)
    tiles = [
        [_mar_tile(cells[run.run, scenario, category]) for run in runs]
        for scenario, category, _, _ in scenarios
    ]
    short = short_labels(scenario for scenario, _, _, _ in scenarios)
    names = [f"{short[scenario]} ({misfired} of {of} runs)" for scenario, _, misfired, of in scenarios]
    figure = heat_maps({_MAR_MAP: tiles}, names, [run.label for run in runs], 0)
    caption = (
        f"The {len(scenarios)} scenarios that misfire in most runs, with the number of these runs. Cells: "
        "share of misfired pairs, in percent. Darker cells are higher. n: pairs of the scenario with a "
        f"right contrast half, usually few. {UNDEFINED}: no such pairs. A scenario that misfires in every "
        "model may have a flawed question."
    )
    alt = "Runs that misfire, by scenario: " + "; ".join(names) + "."
    return Drawing("scenarios", "Scenarios that misfire in most runs", caption, alt, figure)


def _cells_by_scenario(results: PairFrames) -> defaultdict[tuple[str, str, str], Counter[str]]:
    """Count the pairs in each cell (a, b, c or d) of each VETO run, scenario and category."""
    cells: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for arm in results.arms:
        if arm.run.task == "veto":
            for pair in arm.joined.pairs:
                cells[arm.run.label, pair.scenario, pair.category][pair.cell] += 1
    return cells


def _mar_tile(cells: Counter[str]) -> Tile:
    n = cells["a"] + cells["c"]
    return Tile(cells["c"] / n, n) if n else NO_TILE
