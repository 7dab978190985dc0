"""Checks that controls distinguish misfires from a tendency to say no.

The simulated models each have one planted fault.

Run ``python benchmarks/told_apart.py``. It asks seven models 4,096 prompts each, prints a table of the
measures, and writes the figure ``docs/figures/control_differences.svg``.
"""

import argparse
import tempfile
from pathlib import Path

from inspect_ai import eval as run
from rich import box
from rich.console import Console
from rich.table import Table

from misfire.reports import Results, read_results
from misfire.reports.pairs.figures import draw
from misfire.tasks.veto import veto

MODELS: dict[str, dict[str, float | str]] = {
    "careful": {"mar": 0.0},
    "misfires": {"mar": 0.3},
    "says no": {"mar": 0.0, "no_bias": 0.3},
    "says no where stereotyped": {"mar": 0.0, "no_bias_stereotyped": 0.3},
    "does not read": {"mar": 0.0, "blind": 0.4},
    "does not read where stereotyped": {"mar": 0.0, "blind_stereotyped": 0.4},
    "mixture": {"mar": 0.0, "no_bias_stereotyped": 0.2, "blind": 0.2},
}
"""The fault that is planted in each model, in addition to random slips."""

SLIP = 0.1
"""Probability of a random slip. It is high enough for "yes" answers to foils, which show the shift of a
model that says "no"."""

FIGURE = Path(__file__).resolve().parent.parent / "docs" / "figures" / "control_differences.svg"


def main() -> None:
    """Run the models, print the table, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, help="number of embedded pairs to use (default: all)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, planted in MODELS.items():
            task = veto(source="embedded", pairs=arguments.pairs, controls=True)
            run(
                task,
                model=f"simulated/{name}",
                model_args={"br": 0.0, "slip": SLIP, **planted},
                log_dir=folder,
                log_realtime=False,
                display="none",
            )
        results = read_results(folder)
        show(results)
        (drawing,) = [drawing for drawing in draw(results) if drawing.name == "control_differences"]
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_bytes(drawing.svg)


def show(results: Results) -> None:
    """Format the table as Markdown."""
    overall = {row["run"]: row for row in results.overall("veto").to_dict("records")}
    table = Table("model", "MAR", "MAR − BR", "certified MAR", "Δc", "Δd′", box=box.MARKDOWN)
    for row in sorted(results.controls.to_dict("records"), key=lambda row: list(MODELS).index(row["run"])):
        rates = overall[row["run"]]
        table.add_row(
            row["run"],
            f"{100 * rates['mar']:.1f} %",
            f"{100 * rates['mar_minus_br']:+.1f}",
            f"{100 * row['mar_certified']:.1f} %",
            *(
                f"{row[key]:+.2f} [{row[f'{key}_ci_lower']:+.2f}, {row[f'{key}_ci_upper']:+.2f}]"
                for key in ("criterion_difference", "d_prime_difference")
            ),
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
