"""The simulated model: planted rates are recovered, whatever the order of calls."""

import asyncio
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessageSystem, ChatMessageUser

from misfire.datasets.pair_files import write_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.models.simulated import SimulatedModel
from misfire.tasks.prompts import question_message
from misfire.tasks.veto import veto
from tests.conftest import PairMaker
from tests.runs import run_task as run
from tests.scored import scored


def metrics_of(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    return {name: metric.value for name, metric in log.results.scores[0].metrics.items()}


@pytest.mark.parametrize("seed", [1, 2])
def test_planted_rates_are_recovered_within_the_suite_s_intervals(seed: int):
    values = scored(veto(source="embedded"), mar=0.2, br=0.06, invalid=0.03, seed=seed)
    assert values["mar_valid_ci_lower"] <= 0.2 <= values["mar_valid_ci_upper"]
    assert values["br_valid_ci_lower"] <= 0.06 <= values["br_valid_ci_upper"]
    # in the headline reading an invalid half is a wrong one, and the contrast half is right by then
    expected = 0.2 + 0.8 * 0.03
    assert values["mar_ci_lower"] <= expected <= values["mar_ci_upper"]
    assert 0.01 < values["stereotyped_invalid"] < 0.06
    assert all(values[f"stereotyped_{kind}"] > 0 for kind in ("refused", "unparsable", "truncated"))


def test_these_metrics_are_those_of_a_run(tmp_path: Path):
    planted = {"mar": 0.4, "br": 0.2, "invalid": 0.3}
    task = veto(source="embedded", pairs=24)
    (log,) = run(task, model="simulated/model", model_args=planted, log_dir=str(tmp_path))
    values = metrics_of(log)
    assert 0 < values["mar_valid"] < 1
    assert values["stereotyped_invalid"] > 0
    assert values == pytest.approx(scored(task, **planted), nan_ok=True)


def test_the_log_says_that_the_model_is_simulated_and_what_it_used(tmp_path: Path):
    (log,) = run(veto(source="embedded", pairs=2), model="simulated/model", log_dir=str(tmp_path))
    assert log.eval.model == "simulated/model"
    assert log.samples is not None
    assert all((sample.output.metadata or {})["simulated"] for sample in log.samples)
    assert log.stats.model_usage["simulated/model"].total_tokens > 0


def test_answers_do_not_depend_on_order_or_concurrency():
    pairs = load_pairs(PairSettings("embedded")).pairs[:60]
    questions = [question_message(half.prompt, "direct") for pair in pairs for _, half in pair.halves]

    async def ask(model: SimulatedModel, text: str) -> str:
        return (await get_answer(model, text))[1]

    async def get_answer(model: SimulatedModel, text: str) -> tuple[str, str]:
        from inspect_ai.model import GenerateConfig

        output = await model.generate(
            [ChatMessageSystem(content="x"), ChatMessageUser(content=text)], [], "auto", GenerateConfig()
        )
        return text, output.completion

    async def together() -> dict[str, str]:
        model = SimulatedModel("model", latency=0.001, mar=0.3)
        return dict(await asyncio.gather(*(get_answer(model, text) for text in reversed(questions))))

    async def in_turn() -> dict[str, str]:
        model = SimulatedModel("model", mar=0.3)
        return {text: await ask(model, text) for text in questions}

    assert asyncio.run(together()) == asyncio.run(in_turn())


def test_another_seed_gives_other_answers():
    pairs = load_pairs(PairSettings("embedded")).pairs[:60]
    questions = [half.prompt for pair in pairs for _, half in pair.halves]

    def answers(seed: int) -> list[str]:
        model = SimulatedModel("model", mar=0.3, seed=seed)
        return [model.reply(question)[0] for question in questions]

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)


def test_a_pair_file_is_learned(tmp_path: Path, make_pair: PairMaker):
    pairs = [make_pair(k) for k in range(200)]
    write_pairs(pairs, tmp_path / "pairs.parquet")
    model = SimulatedModel("model", pairs=str(tmp_path / "pairs.parquet"), mar=0.999, br=0)
    replies = [
        (model.reply(pair.stereotyped.prompt)[0], model.reply(pair.contrast.prompt)[0]) for pair in pairs
    ]
    assert sum(reply == ('{"answer": "no"}', '{"answer": "yes"}') for reply in replies) > 190


def test_an_unknown_prompt_gets_a_seeded_coin():
    model = SimulatedModel("model", p_yes=0.9)
    answers = [model.reply(f"Question {k}?")[0] for k in range(1000)]
    assert 0.86 < answers.count('{"answer": "yes"}') / 1000 < 0.94
    assert answers == [SimulatedModel("model", p_yes=0.9).reply(f"Question {k}?")[0] for k in range(1000)]


def test_a_chain_of_thought_ends_with_the_object():
    reply, _ = SimulatedModel("model").reply(question_message("What?", "cot"))
    assert reply.splitlines()[-1] in {'{"answer": "yes"}', '{"answer": "no"}'}
    assert len(reply.splitlines()) == 2
