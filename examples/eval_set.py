"""Compare models in one eval set, which can be stopped and taken up again.

The set has VETO with and without chain of thought, and priming.

    python examples/eval_set.py --log-dir logs/script
    python examples/eval_set.py --log-dir logs/bbq --source bbq openai/gpt-4o-mini anthropic/claude-sonnet-4-5

The same command again runs only what is missing. Without models it runs two simulated ones on the embedded
pairs: no key, no network.
"""

import argparse
import sys

from inspect_ai import eval_set
from inspect_ai.model import Model, get_model

from misfire.datasets.sources import SOURCES
from misfire.reports import read_results
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("models", nargs="*", help="models as Inspect names them; two simulated ones unless told")
parser.add_argument("--log-dir", required=True, help="folder for the logs of this comparison alone")
parser.add_argument("--source", choices=SOURCES, default="embedded", help="where pairs are from")
parser.add_argument("--pairs", type=int, help="only so many pairs")
parser.add_argument("--max-retries", type=int, default=5, help="how often a call that fails is tried again")
arguments = parser.parse_args()

models: list[Model] = [get_model(name) for name in arguments.models] or [
    get_model("simulated/careful", mar=0.05, br=0.05, cue_mar="published:0.15"),
    get_model("simulated/hasty", mar=0.20, br=0.08, invalid=0.02, cue_mar="published:0.45"),
]
complete, _ = eval_set(
    [
        veto(source=arguments.source, pairs=arguments.pairs),
        veto(source=arguments.source, pairs=arguments.pairs, protocol="cot"),
        priming(
            source=arguments.source,
            pairs=arguments.pairs,
            cues="published,neutral",
            placements="stereotyped,both",
        ),
    ],
    model=models,
    log_dir=arguments.log_dir,
    max_retries=arguments.max_retries,
)

results = read_results(arguments.log_dir)
shown = [
    "run",
    "task",
    "arm",
    "pairs",
    "mar",
    "mar_ci_lower",
    "mar_ci_upper",
    "mar_unconditional",
    "br",
    "mar_minus_br",
    "mcnemar_q_clustered",
]
summary = results.summary
print(summary[summary["scope"] == "overall"][shown].round(3).to_string(index=False))
print(f"\nThe whole report: misfire report {arguments.log_dir} --out report")
if not complete:
    print("Some runs are not complete. The same command again takes them up.", file=sys.stderr)
    sys.exit(1)
