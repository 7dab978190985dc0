"""Hashes all outputs of fixed runs, to show whether a code change affects a number.

The runs are of every task; the outputs include their reports and a localization.

    python benchmarks/fixed_runs.py OUT [--bbq FOLDER] [--compare OTHER]

Run it from the root of a checkout, before and after the change, with a different OUT each time. ``--compare``
names the first OUT and prints the differences. The script only uses the command line, so it works for any
layout of the code. Identifiers, times, and paths of a run are replaced by placeholders before hashing, and
nothing else is. The exit status is 1 if an output differs.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log

RUNS: dict[str, tuple[str, ...]] = {
    "veto": ("tasks/veto.py", "--model", "simulated/model", "-T", "source=embedded"),
    "veto_planted": (
        *(
            "tasks/veto.py",
            "--model",
            "simulated/model",
            "-M",
            "mar=0.3",
            "-M",
            "br=0.1",
            "-M",
            "invalid=0.2",
        ),
        *("-T", "source=embedded", "-T", "protocol=cot", "-T", "controls=true"),
    ),
    "priming": ("tasks/priming.py", "--model", "simulated/model", "-M", "mar=0.2", "-T", "source=embedded"),
    "detect": ("tasks/misalign_bench.py", "--model", "simulated/model", "-T", "source=embedded"),
    "generate": (
        *("tasks/misalign_bench.py", "--model", "simulated/model", "--model-role", "grader=simulated/judge"),
        *("-T", "source=embedded", "-T", "mode=generate"),
    ),
}
"""The evaluations. Those with BBQ are added if its folder is given."""

ON_BBQ: dict[str, tuple[str, ...]] = {
    "veto_bbq": ("tasks/veto.py", "--model", "simulated/model", "-M", "mar=0.2", "-M", "br=0.05"),
    "veto_repaired": (
        "tasks/veto.py",
        "--model",
        "simulated/model",
        "-M",
        "mar=0.2",
        "-T",
        "edition=repaired",
        "-T",
        "pairs=400",
    ),
    "priming_bbq": ("tasks/priming.py", "--model", "simulated/model", "-M", "mar=0.2", "-T", "pairs=300"),
}

TIMES = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d[:-]\d\d(?:[:-]\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d[:-]?\d\d)?|\d{4}-\d\d-\d\d"
)
SECONDS = re.compile(r"\b\d+(?:\.\d+)? ?(?:s|ms|seconds)\b")


def main() -> int:
    """Run everything, print a line for each output, and compare the outputs if requested."""
    parser = argparse.ArgumentParser(description="Hash every output of fixed runs.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--bbq", type=Path)
    parser.add_argument("--compare", type=Path)
    asked = parser.parse_args()
    shutil.rmtree(asked.out, ignore_errors=True)
    asked.out.mkdir(parents=True)
    hashes = hashed_runs(asked.out, asked.bbq)
    hashes |= hashed_localization(asked.out)
    (asked.out / "hashes.json").write_text(json.dumps(hashes, indent=1))
    for name, value in hashes.items():
        print(value[:16], name)
    if asked.compare is None:
        return 0
    before = json.loads((asked.compare / "hashes.json").read_text())
    differing = sorted(name for name in before.keys() | hashes.keys() if before.get(name) != hashes.get(name))
    print(
        f"{len(before.keys() | hashes.keys()) - len(differing)} outputs are equal, {len(differing)} differ:"
    )
    print("\n".join(differing))
    return int(bool(differing))


def hashed_runs(out: Path, bbq: Path | None) -> dict[str, str]:
    """Run the evaluations and their reports.

    Return a hash for each set of samples, each set of metrics, and each file.
    """
    hashes: dict[str, str] = {}
    on_bbq = (
        {
            name: (*run, "-T", f"bbq_dir={bbq.resolve()}", "-T", "allow_unverified=true")
            for name, run in ON_BBQ.items()
        }
        if bbq
        else {}
    )
    for name, run in (RUNS | on_bbq).items():
        folder = out / "logs" / name
        command("inspect", "eval", *run, "--log-dir", str(folder), "--display", "none", "--no-log-realtime")
        (place,) = list_eval_logs(str(folder))
        log = read_eval_log(place)
        hashes[f"{name}/samples"] = hash_of(samples_of(log))
        hashes[f"{name}/metrics"] = hash_of(metrics_of(log))
        report = out / "reports" / name
        command("misfire", "report", str(folder), "--out", str(report), "--format", "md,csv,tex,json,html")
        secret = placeholders(log) | {str(out.resolve()): "OUT", str(out): "OUT"}
        for file in sorted(report.rglob("*")):
            if file.is_file() and file.suffix not in {".png", ".pdf"}:
                hashes[f"{name}/report/{file.relative_to(report)}"] = hash_of(
                    neutral(file.read_text(), secret)
                )
        hashes[f"{name}/results"] = hash_of(neutral(command("misfire", "results", str(folder)), secret))
    return hashes


def hashed_localization(out: Path) -> dict[str, str]:
    """Run a localization in a hand-built organism. Return a hash for each frame and text."""
    organism, found = out / "organism", out / "localized"
    command("misfire", "organism", "hand-built", "--out", str(organism))
    command(
        "misfire",
        "localise",
        str(organism),
        "--pairs",
        "embedded",
        "--out",
        str(found),
        "--device",
        "cpu",
        "--draws",
        "20",
    )
    secret = {str(out.resolve()): "OUT", str(out): "OUT"}
    return {
        f"localise/{file.relative_to(found)}": hash_of(
            neutral(file.read_bytes().decode("utf-8", "surrogateescape"), secret)
        )
        for file in sorted(found.rglob("*"))
        if file.is_file() and file.suffix in {".csv", ".json", ".html", ".md", ".svg", ".parquet"}
    }


def command(name: str, *arguments: str) -> str:
    """Run a command of the environment and return its output."""
    settings = {"COLUMNS": "200", "NO_COLOR": "1", "OMP_NUM_THREADS": "1", "SOURCE_DATE_EPOCH": "0"}
    path = str(Path(sys.executable).parent / name)
    done = subprocess.run(
        [path, *arguments], env=os.environ | settings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(
            f"{name} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
    return done.stdout


def samples_of(log: EvalLog) -> str:
    """Return the input, metadata, output, and scores of each sample."""
    rows = [
        {
            "id": sample.id,
            "epoch": sample.epoch,
            "input": sample.input
            if isinstance(sample.input, str)
            else [message.text for message in sample.input],
            "target": sample.target,
            "metadata": sample.metadata,
            "output": sample.output.completion,
            "scores": {
                name: score.model_dump(mode="json", exclude={"history"})
                for name, score in (sample.scores or {}).items()
            },
        }
        for sample in log.samples or []
    ]
    return neutral(json.dumps(rows, sort_keys=True, default=str), placeholders(log))


def metrics_of(log: EvalLog) -> str:
    """Return all metrics of a log with all digits."""
    scores = log.results.scores if log.results else []
    return json.dumps(
        {
            f"{score.name}/{name}": repr(metric.value)
            for score in scores
            for name, metric in score.metrics.items()
        },
        sort_keys=True,
    )


def placeholders(log: EvalLog) -> dict[str, str]:
    """Return the identifiers of a run with their placeholders."""
    found = {
        log.eval.run_id: "RUN",
        log.eval.eval_id: "EVAL",
        log.eval.task_id: "TASK",
        Path(log.location).name: "LOG",
    }
    found |= {sample.uuid: "SAMPLE" for sample in log.samples or [] if sample.uuid}
    if log.eval.revision and log.eval.revision.commit:
        found[log.eval.revision.commit] = "COMMIT"
    return found


def neutral(text: str, identifiers: dict[str, str]) -> str:
    """Replace everything in a text that differs between runs."""
    if identifiers:
        longest_first = sorted(identifiers, key=len, reverse=True)
        text = re.sub("|".join(map(re.escape, longest_first)), lambda found: identifiers[found[0]], text)
    return SECONDS.sub("SECONDS", TIMES.sub("TIME", text))


def hash_of(text: str) -> str:
    """Return the SHA-256 hash of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
