"""The provider ``intervened/…``: a task sees the model with the intervention on."""

from pathlib import Path
from typing import Any

import pytest
import torch
from inspect_ai import eval as run
from inspect_ai.log import EvalLog

from misfire.errors import InputError
from misfire.mechanistic.interventions import Intervention, difference_directions, save_intervention
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import Organism, save_organism
from misfire.mechanistic.selection import probe_pairs
from misfire.models.intervened import IntervenedModel
from misfire.tasks.veto import veto


@pytest.fixture(scope="module")
def organism(tmp_path_factory: pytest.TempPathFactory) -> tuple[Organism, Path]:
    folder = tmp_path_factory.mktemp("organism") / "made"
    made = hand_built(3)
    save_organism(made, folder)
    probed = probe_pairs(made.decoder, made.pairs, per_group=8)
    intervention = Intervention(made.planted, "zero", {}, (), difference_directions(made.decoder, probed), made.decoder.fingerprint)
    save_intervention(intervention, folder / "intervention.safetensors")
    return made, folder


def evaluate(folder: Path, log_dir: Path, pairs: int = 6, **arguments: Any) -> EvalLog:
    task = veto(source="file", path=str(folder / "pairs.jsonl"), pairs=pairs)
    options: dict[str, Any] = {"device": "cpu"} | arguments
    (log,) = run(
        task,
        model=f"intervened/{folder}",
        model_args=options,
        log_dir=str(log_dir),
        display="none",
        max_tokens=4,
        logprobs=True,
        top_logprobs=2,
    )
    assert log.status == "success", log.error
    return log


def mar(log: EvalLog) -> float:
    assert log.results is not None
    return log.results.scores[0].metrics["mar"].value


def test_weights_that_are_a_pickle_are_not_read(organism: tuple[Organism, Path], tmp_path: Path):
    made, _ = organism
    save_organism(made, tmp_path / "made")
    (tmp_path / "made" / "model.safetensors").unlink()
    torch.save(made.decoder.model.state_dict(), tmp_path / "made" / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        IntervenedModel(str(tmp_path / "made"), heads="none", device="cpu")


def test_ablating_the_planted_head_mends_veto(organism: tuple[Organism, Path], tmp_path: Path):
    made, folder = organism
    before = evaluate(folder, tmp_path, heads="none")
    after = evaluate(folder, tmp_path, heads=str(made.planted[0]))
    assert mar(before) > 0.7
    assert mar(after) == 0
    assert before.samples is not None
    assert {sample.output.completion for sample in before.samples} == {"yes", "no"}
    output = before.samples[0].output
    assert output.metadata == {"intervention": "no intervention"}
    assert output.choices[0].logprobs is not None
    assert len(output.choices[0].logprobs.content[0].top_logprobs or []) == 2


def test_the_file_that_localise_writes_is_enough(organism: tuple[Organism, Path]):
    made, folder = organism
    file = str(folder / "intervention.safetensors")
    by_heads = IntervenedModel(str(folder), intervention=file, device="cpu")
    assert by_heads.intervention.heads == made.planted
    assert len(by_heads.handles) == 1
    by_layer = IntervenedModel(str(folder), intervention=file, layers=made.planted[0].layer, device="cpu")
    assert by_layer.intervention.heads == ()
    assert by_layer.intervention.layers == (made.planted[0].layer,)
    # means that no file gives are taken over embedded pairs
    by_mean = IntervenedModel(str(folder), heads="L1H0", ablation="mean", device="cpu")
    assert by_mean.intervention.means[1].shape == (96,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "say what to do"),
        ({"heads": "L9H9"}, "no L9H9"),
        ({"heads": "nine"}, "not the name of a head"),
        ({"heads": "L1H1", "ablation": "half"}, "neither zero nor mean"),
        ({"layers": 2}, "no direction for layers"),
        ({"heads": "none", "dtype": "int3"}, "none of auto"),
    ],
)
def test_what_cannot_be_done_is_refused(organism: tuple[Organism, Path], arguments: dict[str, Any], words: str):
    with pytest.raises(InputError, match=words):
        IntervenedModel(str(organism[1]), device="cpu", **arguments)


def test_greedy_and_sampled_answers_follow_the_temperature(organism: tuple[Organism, Path]):
    import asyncio

    from inspect_ai.model import ChatMessageUser, GenerateConfig

    made, folder = organism
    model = IntervenedModel(str(folder), heads="none", device="cpu")
    ask: list[Any] = [ChatMessageUser(content=made.pairs[0].contrast.prompt)]
    given = asyncio.run(model.generate(ask, [], "auto", GenerateConfig(temperature=0.0, max_tokens=4)))
    assert given.completion == "yes"
    assert model.do_sample is False
    asyncio.run(model.generate(ask, [], "auto", GenerateConfig(temperature=50.0, max_tokens=4)))
    assert model.do_sample is True
