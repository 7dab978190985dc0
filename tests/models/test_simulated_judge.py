"""The simulated model as a judge, and as one that answers prompts.

What is planted is recovered by what the suite measures.
"""

import math
from functools import cache
from pathlib import Path
from statistics import harmonic_mean
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model

from misfire.datasets.misalign.instance_files import write_instances
from misfire.datasets.misalign.instances import RESPONSE_NAMES, Instance
from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension
from misfire.errors import InputError
from misfire.models.simulated import SimulatedModel
from misfire.scorers.judge import judged_text, system_message
from misfire.scorers.judgments import Asked, join_verdicts
from misfire.scorers.misalign_metrics import detect_metrics
from misfire.scorers.verdicts import parse_verdict, questions
from misfire.tasks.misalign_bench import misalign_bench
from tests.runs import run_task as run

INSTANCES = load_instances().instances
SEEDS = range(1, 25)
CULTURAL = sum(bool(one.culture) for one in INSTANCES) / len(INSTANCES)


# models with other seeds are asked the same questions, and many replies are alike
parsed, question_about, instruction = cache(parse_verdict), cache(judged_text), cache(system_message)


def judge(seed: int = 1, **planted: Any) -> SimulatedModel:
    return SimulatedModel("model", seed=seed, **planted)


def flags_of(
    model: SimulatedModel, prompt: str, response: str, asked: tuple[Dimension, ...] = DIMENSIONS
) -> dict[Dimension, bool] | None:
    """The flags of a verdict, read as from any judge."""
    text, stop_reason = model.reply(question_about(prompt, response), instruction(asked))
    verdict = parsed(text, asked) if stop_reason == "stop" else None
    if verdict is None:
        return None
    assert verdict.stated == (bool(verdict.flagged) if len(asked) > 1 else None)
    return {name: name in verdict.flagged for name in asked}


def measured(model: SimulatedModel, *, joint: bool = True) -> dict[str, float]:
    """What detect mode reports of a judge, without a run."""
    samples: list[Asked] = []
    for instance in INSTANCES:
        for side in RESPONSE_NAMES:
            domains: dict[Dimension, tuple[str, ...]] = {name: instance.domains(name) for name in DIMENSIONS}
            for asked in questions(DIMENSIONS, joint=joint):
                flags = flags_of(model, instance.prompt, instance.response(side), asked)
                assert flags is not None
                samples.append(
                    Asked(
                        instance.id,
                        side,
                        1,
                        DIMENSIONS,
                        domains,
                        10,
                        dict(flags),
                        any(flags.values()),
                        None,
                        (),
                        1,
                    )
                )
    return detect_metrics(join_verdicts(samples))


def holds(found: dict[str, float], name: str, truth: float) -> bool:
    return found[f"{name}_ci_lower"] <= truth <= found[f"{name}_ci_upper"]


def metrics_of(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    return {name: metric.value for name, metric in log.results.scores[0].metrics.items()}


# --- planted rates are recovered ------------------------------------------------------------------


def test_planted_rates_of_each_dimension_are_recovered_within_their_intervals():
    coverage, ffr = (
        {"safety": 0.9, "value": 0.7, "culture": 0.5},
        {"safety": 0.05, "value": 0.2, "culture": 0.3},
    )
    planted = {
        name: ",".join(f"{key}:{rate}" for key, rate in rates.items())
        for name, rates in (("coverage", coverage), ("ffr", ffr))
    }
    found = [measured(judge(seed, **planted)) for seed in SEEDS]
    for name in DIMENSIONS:
        truths = {f"{name}_coverage": coverage[name], f"{name}_ffr": ffr[name]}
        truths[f"{name}_alignment_score"] = harmonic_mean([coverage[name], 1 - ffr[name]])
        for key, truth in truths.items():
            # 95 % intervals: fewer than 20 of 24 would be less likely than 1 in 100
            assert sum(holds(one, key, truth) for one in found) >= 20, key
            average = math.fsum(one[key] for one in found) / len(found)
            assert average == pytest.approx(truth, abs=0.04), key
        # outside the dimension a response, aligned or not, is flagged as often as an aligned one
        assert math.fsum(one[f"{name}_ffr_elsewhere"] for one in found) / len(found) == pytest.approx(
            ffr[name], abs=0.04
        )


@pytest.mark.parametrize(("coverage", "ffr"), [(0.8, 0.18), (0.6, 0.4)])
def test_a_planted_alignment_score_is_recovered_within_its_interval(coverage: float, ffr: float):
    found = [measured(judge(seed, coverage=coverage, ffr=ffr)) for seed in SEEDS]
    for name, truth in {
        "coverage": coverage,
        "ffr": ffr,
        "alignment_score": harmonic_mean([coverage, 1 - ffr]),
    }.items():
        assert sum(holds(one, name, truth) for one in found) >= 20
        assert math.fsum(one[name] for one in found) / len(found) == pytest.approx(truth, abs=0.02)


def test_with_separate_rates_the_joint_rate_is_the_largest_of_the_dimensions():
    coverage, ffr = (
        {"safety": 0.9, "value": 0.6, "culture": 0.3},
        {"safety": 0.02, "value": 0.1, "culture": 0.15},
    )
    planted = {
        name: ",".join(f"{key}:{rate}" for key, rate in rates.items())
        for name, rates in (("coverage", coverage), ("ffr", ffr))
    }
    expected = [
        max(coverage[name] if one.domains(name) else ffr[name] for name in DIMENSIONS) for one in INSTANCES
    ]
    found = [measured(judge(seed, **planted)) for seed in SEEDS]
    assert sum(holds(one, "coverage", sum(expected) / len(expected)) for one in found) >= 20
    assert sum(holds(one, "ffr", 0.15) for one in found) >= 20


# --- the published pattern ------------------------------------------------------------------------


def test_a_specialized_judge_has_the_published_pattern():
    # given a judge that flags whatever touches culture, and is good else
    coverage, ffr = CULTURAL + (1 - CULTURAL) * 0.95, CULTURAL + (1 - CULTURAL) * 0.05
    assert coverage == pytest.approx(0.97, abs=0.01)
    assert ffr > 0.5
    assert 0.63 < harmonic_mean([coverage, 1 - ffr]) < 0.66

    found = measured(judge(coverage=0.95, ffr=0.05, specialist="culture"))

    for name, truth in {
        "coverage": coverage,
        "ffr": ffr,
        "alignment_score": harmonic_mean([coverage, 1 - ffr]),
    }.items():
        assert holds(found, name, truth)
    assert found["coverage"] == pytest.approx(0.97, abs=0.015)
    assert 0.49 < found["ffr"] < 0.54
    assert 0.63 < found["alignment_score"] < 0.67
    # within its dimension it does not discriminate: everything is flagged
    assert (found["culture_coverage"], found["culture_ffr"], found["culture_alignment_score"]) == (1, 1, 0)


def test_a_balanced_judge_has_the_published_pattern():
    found = measured(judge(coverage=0.8, ffr=0.18))
    assert holds(found, "alignment_score", harmonic_mean([0.8, 0.82]))
    assert found["alignment_score"] == pytest.approx(0.81, abs=0.04)
    assert found["ffr"] == pytest.approx(0.18, abs=0.05)


# --- what else is planted -------------------------------------------------------------------------


def test_with_a_joint_loss_a_joint_question_misses_what_separate_ones_would_flag():
    planted: dict[str, Any] = {"coverage": 0.9, "ffr": 0.1, "joint_loss": 0.3}
    together, apart = measured(judge(3, **planted)), measured(judge(3, **planted), joint=False)
    without = measured(judge(3, coverage=0.9, ffr=0.1))
    assert apart == pytest.approx(without, nan_ok=True)
    assert holds(together, "coverage", 0.9 * 0.7)
    assert holds(together, "ffr", 0.1 * 0.7)
    assert together["alignment_score"] < apart["alignment_score"]
    assert measured(judge(3, coverage=1.0, ffr=1.0, joint_loss=1.0))["coverage"] == 0


def test_a_planted_share_of_its_answers_is_misaligned():
    replies = {one.id: judge(misaligned=0.3).reply(one.prompt)[0] for one in INSTANCES}
    assert all(replies[one.id] in (one.aligned, one.misaligned) for one in INSTANCES)
    share = sum(replies[one.id] == one.misaligned for one in INSTANCES) / len(INSTANCES)
    assert share == pytest.approx(0.3, abs=3 * math.sqrt(0.3 * 0.7 / len(INSTANCES)))
    assert all(judge(misaligned=0.0).reply(one.prompt)[0] == one.aligned for one in INSTANCES)
    assert all(judge(misaligned=1.0).reply(one.prompt)[0] == one.misaligned for one in INSTANCES)


def test_generate_mode_recovers_the_planted_misalignment(tmp_path: Path):
    # given a model that is misaligned in 3 of 10 answers and a grader of Coverage 0.8 and FFR 0.18
    task = misalign_bench(mode="generate", per_dimension=45, grader_sample=60)
    grader = get_model("simulated/grader", coverage=0.8, ffr=0.18, seed=5, memoize=False)
    tested = get_model("simulated/model", misaligned=0.3, memoize=False)
    (log,) = run(task, model=tested, model_roles={"grader": grader}, log_dir=str(tmp_path))
    found = metrics_of(log)
    assert holds(found, "aligned_rate", 1 - (0.3 * 0.8 + 0.7 * 0.18))
    assert holds(found, "aligned_rate_corrected", 0.7)
    assert holds(found, "grader_coverage", 0.8)
    assert holds(found, "grader_ffr", 0.18)
    # and the model under test was asked each prompt once, and nothing else
    api = tested.api
    assert isinstance(api, SimulatedModel)
    assert sorted(api.call_log) == sorted(
        str(sample.input) for sample in log.samples or [] if sample.metadata["kind"] == "answer"
    )


def test_invalid_replies_are_of_all_kinds_and_as_many_as_planted():
    model = judge(invalid=0.25)
    replies = [
        model.reply(judged_text(one.prompt, one.response(side)), system_message(DIMENSIONS))
        for one in INSTANCES
        for side in RESPONSE_NAMES
    ]
    invalid = [reply for reply in replies if not reply[0].startswith('{"reason"')]
    assert len(invalid) / len(replies) == pytest.approx(0.25, abs=0.06)
    assert {stop_reason for _, stop_reason in invalid} == {"stop", "content_filter", "max_tokens"}
    assert len(set(invalid)) == 4


def test_verdicts_depend_on_seed_and_instance_alone():
    model = judge(2)
    questions = [(one.prompt, one.response(side)) for one in INSTANCES[:60] for side in RESPONSE_NAMES]
    forwards = [flags_of(model, *question) for question in questions]
    assert [flags_of(judge(2), *question) for question in reversed(questions)] == forwards[::-1]
    assert [flags_of(judge(3), *question) for question in questions] != forwards


def test_unknown_texts_get_a_random_verdict():
    model = judge()
    found = [flags_of(model, f"Question {number}?", "An answer.") for number in range(400)]
    for name in DIMENSIONS:
        assert sum(bool(flags and flags[name]) for flags in found) / 400 == pytest.approx(0.5, abs=0.08)
    # a known prompt with another response is not known either
    assert any(
        flags_of(judge(seed, ffr=0.0, coverage=0.0), INSTANCES[0].prompt, "Another.")
        != dict.fromkeys(DIMENSIONS, False)
        for seed in SEEDS
    )


def test_instances_of_the_user_are_learned_whatever_their_texts_contain(tmp_path: Path):
    mine = [
        Instance(
            id=f"m{number}",
            prompt=f"</message>\n\n<response>\n{number}",
            aligned="Yes.\n</response-2>",
            misaligned="No.\n</RESPONSE>",
            safety=INSTANCES[0].safety,
            provenance="a test",
        )
        for number in range(40)
    ]
    write_instances(mine, tmp_path / "mine.jsonl")
    model = judge(instances=str(tmp_path / "mine.jsonl"), coverage=1.0, ffr=0.0, misaligned=1.0)
    for one in mine:
        assert flags_of(model, one.prompt, one.misaligned) == {
            "safety": True,
            "value": False,
            "culture": False,
        }
        assert flags_of(model, one.prompt, one.aligned) == dict.fromkeys(DIMENSIONS, False)
        assert model.reply(one.prompt)[0] == one.misaligned
    # and the embedded ones are not
    assert model.reply(INSTANCES[0].prompt)[0] not in (INSTANCES[0].aligned, INSTANCES[0].misaligned)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"coverage": 1.2}, "-M coverage=1.2 is not a number from 0 to 1"),
        (
            {"coverage": "safety=0.9"},
            "-M coverage=safety=0.9 is neither a number nor of the form safety:0.3,value:0.2",
        ),
        ({"ffr": "moon:0.9"}, "-M ffr=moon:0.9"),
        ({"ffr": ["value:x"]}, "-M ffr=value:x"),
        ({"specialist": "moon"}, "'moon' is not a dimension"),
        ({"joint_loss": -0.1}, "-M joint_loss=-0.1"),
        ({"misaligned": True}, "-M misaligned=True"),
        ({"specialism": "culture"}, "takes no -M specialism"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(arguments: dict[str, Any], said: str):
    with pytest.raises(InputError) as caught:
        judge(**arguments)
    assert said in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
        judge(instances="none.jsonl")
