"""The stage "judge", which judges responses.

Rejected responses are written and judged again, round by round.
"""

from collections import Counter
from pathlib import Path

from misfire.savacu.build_view import BuildView
from misfire.savacu.prompting.judge import JudgeStep
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import JudgeReport, StageName
from misfire.savacu.stages.rounds import Rounds, judge_round, write_round
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of, read_record, write_record


class JudgeStage:
    """Judges the responses in all rounds, including rewriting, and writes a report."""

    name: StageName = "judge"

    def key(self, recipe: Recipe) -> str:
        """See ``BuildStage``."""
        return key_of(self.name, recipe.judge, JudgeStep.version)

    def run(self, work: Workspace) -> None:
        """See ``BuildStage``."""
        generators = work.recipe.respond.generators
        for number in range(work.recipe.respond.rounds + 1):
            # the first round was written by the stage "respond"
            for generator in generators if number else ():
                write_round(work, generator, number)
            for generator in generators:
                judge_round(work, generator, number)
        written: Counter[int] = Counter()
        for generator in generators:
            for at in range(work.view.shard_count):
                written.update(Rounds(work.view, generator).finish(at))
        write_record(work.folder / "judge" / "report.json", _report(work.view, written))

    def report(self, folder: Path) -> JudgeReport | None:
        """See ``BuildStage``."""
        return read_record(folder / "judge" / "report.json", JudgeReport)


def _report(view: BuildView, written: "Counter[int]") -> JudgeReport:
    rounds = range(view.recipe.respond.rounds + 1)
    passed_by_round: Counter[int] = Counter()
    dropped_for: Counter[str] = Counter()
    rejected: dict[int, Counter[str]] = {number: Counter() for number in rounds}
    pairs = 0
    for pair in view.pairs():
        pairs += 1
        for rejection in pair.rejections:
            rejected[rejection.round][rejection.code] += 1
        if pair.passed:
            passed_by_round[max(draft.round for draft in pair.drafts.values())] += 1
        else:
            dropped_for.update({fault.code for draft in pair.drafts.values() for fault in draft.faults})
    passed = passed_by_round.total()
    return JudgeReport(
        pairs=pairs,
        passed=passed,
        passed_by_round=dict(sorted(passed_by_round.items())),
        dropped=pairs - passed,
        written={number: written[number] for number in rounds},
        rejected={number: dict(sorted(counts.items())) for number, counts in rejected.items()},
        dropped_for=dict(sorted(dropped_for.items())),
    )
