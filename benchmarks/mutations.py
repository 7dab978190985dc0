"""Counts how many hand-written mutations each tier of the tests detects: `python -m benchmarks.mutations`.

Each mutation is one plausible mistake in a scorer, a data set, a task, or a report. It is applied to a copy
of the checkout, so the checkout itself does not change. The tests that mirror the module run first, then all
tests of `make test`, and then the slow ones. The first tier that fails kills the mutation. A mutation that
survives shows that a test is missing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

ROOT = Path(__file__).resolve().parent.parent

Tier = Literal["mirror", "test", "rest"]
TIERS: tuple[Tier, ...] = get_args(Tier)


@dataclass(frozen=True)
class Mutation:
    """A mutation of a module.

    Attributes:
        file: The module.
        old: The text to replace. It occurs exactly once.
        new: The replacement.
        mirror: The test files that mirror the module.
    """

    file: str
    old: str
    new: str
    mirror: tuple[str, ...]


def _in(file: str, *mirror: str, slips: dict[str, str]) -> list[Mutation]:
    return [Mutation(file, old, new, tuple(f"tests/{name}" for name in mirror)) for old, new in slips.items()]


MUTATIONS = (
    *_in(
        "scorers/join.py",
        "scorers/test_join.py",
        slips={
            'if half.outcome != "failed":': "if True:",
            "return clustered_proportion(self.c, self.a + self.c, strata=self.strata)": (
                "return clustered_proportion(self.c, self.c + self.d, strata=self.strata)"
            ),
            'counted = pairs if reading == "all" else': 'counted = pairs if reading == "valid" else',
            "found.setdefault((half.pair_id, half.epoch), {})[half.half] = half": (
                "found.setdefault((half.pair_id, 1), {})[half.half] = half"
            ),
        },
    ),
    *_in(
        "scorers/statistics.py",
        "scorers/test_statistics.py",
        "scorers/test_effects.py",
        slips={
            "max(difference.lower, -1.0)": "max(difference.lower, 0.0)",
            "return min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5)))": (
                "return min(1.0, float(bdtr(min(b, c), b + c, 0.5)))"
            ),
            "2 * float(chances[:most].sum()) + float(chances[most])": "2 * float(chances[: most + 1].sum())",
            "tested = [index for index, p in enumerate(p_values) if not math.isnan(p)]": (
                "tested = list(range(len(p_values)))"
            ),
            "covariance = (both - variance - other_variance) / 2": (
                "covariance = both - variance - other_variance"
            ),
        },
    ),
    *_in(
        "scorers/detection.py",
        "scorers/test_detection.py",
        slips={
            "return (float(self.hits.sum()) + 0.5) / (total + 1) if total else NAN": (
                "return (float(self.hits.sum()) + 0.5) / (total + 0.5) if total else NAN"
            ),
            "return [Term(-weight / 2, hits), Term(-weight / 2, false_alarms)]": (
                "return [Term(-weight / 2, hits), Term(weight / 2, false_alarms)]"
            ),
        },
    ),
    *_in(
        "scorers/veto.py",
        "scorers/test_veto.py",
        slips={
            '"reverse_rate": cells.share(cells.b)': '"reverse_rate": cells.share(cells.c)',
            '"mar_n": a + c,': '"mar_n": a + b,',
            "versions = [score.metadata, *(edit.metadata for edit in score.history)]": (
                "versions = [score.metadata]"
            ),
            '"mar_unconditional_valid": valid.share(valid.c)': (
                '"mar_unconditional_valid": cells.share(cells.c)'
            ),
        },
    ),
    *_in(
        "datasets/sampling.py",
        "datasets/test_sampling.py",
        slips={
            "return [pairs[index] for index in sorted(chosen)]": (
                "return [pairs[index] for index in chosen][::-1]"
            ),
            "    rng.shuffle(order)\n": "",
            "offset = rng.randrange(len(pairs))": "offset = 0",
        },
    ),
    *_in(
        "datasets/role_swap.py",
        "datasets/test_role_swap.py",
        slips={
            "return rest == other_rest if in_order else sorted(rest) == sorted(other_rest)": (
                "return sorted(rest) == sorted(other_rest)"
            ),
            "None if first is None or second is None else first < second": (
                "None if first is None or second is None else first > second"
            ),
        },
    ),
    *_in(
        "datasets/cleft.py",
        "datasets/test_cleft.py",
        slips={
            'be, one = ("Are", "ones") if plural else ("Is", "one")': 'be, one = ("Is", "one")',
            'predicate = PREDICATE_SLIPS.get(match["predicate"], match["predicate"])': (
                'predicate = match["predicate"]'
            ),
        },
    ),
    *_in(
        "scorers/priming.py",
        "scorers/test_effects.py",
        "tasks/test_priming.py",
        slips={
            "[effect.selective_p for effect in effects.values()],": (
                "[effect.did_p for effect in effects.values()],"
            ),
            "for name in sorted(numbers, key=numbers.__getitem__)": "for name in sorted(numbers)",
        },
    ),
    *_in(
        "scorers/effects.py",
        "scorers/test_effects.py",
        slips={
            "return max(did_p, log_odds_p) if did.value * log_odds.value < 0 else 1.0": (
                "return min(did_p, log_odds_p) if did.value * log_odds.value < 0 else 1.0"
            ),
            'return stereotyped - ((after.contrast == "right") - (before.contrast == "right"))': (
                "return stereotyped"
            ),
            "two.misfired and not one.misfired for one, two in matched": (
                "two.misfired for one, two in matched"
            ),
        },
    ),
    *_in(
        "scorers/alignment.py",
        "scorers/test_alignment.py",
        slips={
            "flagged = not judgment.misaligned  # the wrong decision": "flagged = judgment.misaligned",
            "2 * (passed / (coverage + passed)) ** 2,": "2 * (coverage / (coverage + passed)) ** 2,",
            "return clustered_proportion(self.false, self.aligned)": (
                "return clustered_proportion(self.false, self.misaligned)"
            ),
        },
    ),
    *_in(
        "scorers/misalign_metrics.py",
        "scorers/test_misalign_metrics.py",
        slips={
            '"verdict_auc": (joint.coverage().value + 1 - joint.ffr().value) / 2,': (
                '"verdict_auc": (joint.coverage().value + joint.ffr().value) / 2,'
            ),
            "[judgment for judgment in judgments if not judgment.touches(dimension)]": "judgments",
            "best = max(known,": "best = min(known,",
        },
    ),
    *_in(
        "scorers/verdicts.py",
        "scorers/test_verdicts.py",
        "scorers/test_parsers_on_labeled_sets.py",
        slips={
            "value = values.pop() if len(values) == 1 else None": "value = values.pop() if values else None",
            "        if len(found) != 1:\n            return None\n        flags[key]": (
                "        if not found:\n            return None\n        flags[key]"
            ),
        },
    ),
    *_in(
        "scorers/mentions.py",
        "scorers/test_answers.py",
        "scorers/test_verdicts.py",
        "scorers/test_parsers_on_labeled_sets.py",
        slips={
            "if not others or last.value is None:": "if True:",
            "for group in groups if len({one.value for one in group}) == 1 for mention": (
                "for group in groups for mention"
            ),
            "return bool(_CASE.search(clause)) and not _CONTRARY.search(clause)": "return False",
            "return _REJECTED.match(text, mention.end, mention.end + _AFTER) is not None": "return False",
        },
    ),
    *_in(
        "scorers/answers.py",
        "scorers/test_answers.py",
        "scorers/test_parsers_on_labeled_sets.py",
        slips={
            "return said.pop() if len(said) == 1 else None": "return said.pop() if said else None",
            'return "yes" if value else "no"': 'return "no" if value else "yes"',
        },
    ),
    *_in(
        "scorers/loose_json.py",
        "scorers/test_loose_json.py",
        "scorers/test_answers.py",
        slips={
            'return found if found.state == "closed" and found.end == len(stripped) else None': (
                'return found if found.state == "closed" else None'
            ),
            "return len(found) % 2 == 0": "return True",
        },
    ),
    *_in(
        "tasks/samples.py",
        "tasks/test_veto.py",
        slips={
            'pair.model_copy(update={"controls": None}) for pair in pair_set.pairs': (
                "pair for pair in pair_set.pairs"
            ),
            "pair_set.hash if any(pair.controls for pair in pair_set.pairs) else None": "pair_set.hash",
        },
    ),
    *_in(
        "tasks/budget.py",
        "tasks/test_veto.py",
        slips={
            "return None if active_generate_config().max_tokens is not None else": "return",
            '"direct": 512': '"direct": 8192',
        },
    ),
    *_in(
        "src/misfire/reports/pairs/frames.py",
        "reports/test_frames.py",
        slips={
            'summary.groupby(["task", "scope"], sort=False)': 'summary.groupby(["task"], sort=False)',
            "ascending=[False, False, True], ignore_index": "ascending=[True, False, True], ignore_index",
        },
    ),
    *_in(
        "src/misfire/reports/misalign/frames.py",
        "reports/test_misalign.py",
        slips={
            " and done == run.planned and judged.incomplete == 0": "",
            "judgment.instance_id, judgment.response, judgment.epoch\n": (
                "judgment.instance_id, judgment.response, 1\n"
            ),
        },
    ),
    *_in(
        "src/misfire/reports/conditions.py",
        "reports/test_gates.py",
        slips={
            '(100 if match["percent"] else 1)': "1",
            "least = min(float(ENOUGH), promised / 2)": "least = 0.0",
            "if one.loss and one.loss.one_sided:": "if False:",
            'if one.status != "success":': 'if one.status == "error":',
        },
    ),
    *_in(
        "src/misfire/reports/pairs/runs.py",
        "reports/test_runs.py",
        slips={
            "return self.pair_count * self.epochs": "return self.pair_count",
            "lambda run: (run.model, run.pair_set),": "lambda run: run.model,",
        },
    ),
)


def main() -> None:
    """Run the selected mutations, and print which tier killed each of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="run the mutations of files whose path contains this text")
    parser.add_argument("--tiers", default=",".join(TIERS), help="tiers to run: mirror, test, and rest")
    parser.add_argument("--workers", default="auto", help="pytest's -n for the larger tiers")
    given = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if given.only in mutation.file]
    tiers: list[Tier] = [tier for tier in TIERS if tier in given.tiers.split(",")]
    killed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as home:
        copy = _copied(Path(home) / "misfire")
        for number, mutation in enumerate(chosen, start=1):
            by = _killer(mutation, copy, tiers, given.workers)
            killed[by] += 1
            print(
                f"{number:3} of {len(chosen)}  {by:9}  {mutation.file}: {mutation.new.strip() or 'nothing'}",
                flush=True,
            )
    for tier in [*tiers, "survived"]:
        print(f"{tier}: {killed[tier]}")


def _copied(place: Path) -> Path:
    listed = subprocess.run(
        [shutil.which("git") or "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists() or (ROOT / name).is_symlink():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name, follow_symlinks=False)
    return place


def _killer(mutation: Mutation, copy: Path, tiers: list[Tier], workers: str) -> str:
    file = copy / mutation.file
    sound = file.read_text(encoding="utf-8")
    if sound.count(mutation.old) != 1:
        raise SystemExit(
            f"{mutation.file} holds this {sound.count(mutation.old)} times, so change the mutation: "
            f"{mutation.old}"
        )
    file.write_text(sound.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        return next((tier for tier in tiers if _fails(mutation, copy, tier, workers)), "survived")
    finally:
        file.write_text(sound, encoding="utf-8")


def _fails(mutation: Mutation, copy: Path, tier: Tier, workers: str) -> bool:
    many = ["-n", workers, "--dist", "worksteal"]
    chosen = {
        "mirror": ["-m", "not slow", *mutation.mirror],
        "test": [*many, "-m", "not slow"],
        "rest": [*many, "-m", "slow"],
    }
    environment = os.environ | {
        "PYTHONPATH": str(copy / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MISFIRE_SHARED": os.environ.get("MISFIRE_SHARED", str(ROOT.parent / "shared")),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *chosen[tier]]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest could not run:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.returncode == 1


if __name__ == "__main__":
    main()
