"""The provider ``intervened/…``: a task sees the model with the intervention on."""

import asyncio
import contextlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    ModelOutput,
    get_model,
)

from misfire.errors import InputError
from misfire.mechanistic.analyses.directions import difference_directions
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.interventions import Intervention, save_intervention
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import Organism, save_organism
from misfire.mechanistic.selection import probe_pairs
from misfire.mechanistic.session import Session
from misfire.model_calls.ask import NOTE, CallNote
from misfire.model_calls.ask import ask as ask_once
from misfire.model_calls.generation_settings import hidden_settings
from misfire.models.intervened import IntervenedModel
from misfire.tasks.veto import veto
from tests.mechanistic.families import random_decoder
from tests.runs import run_task as run


@pytest.fixture(scope="module")
def organism(tmp_path_factory: pytest.TempPathFactory) -> tuple[Organism, Path]:
    folder = tmp_path_factory.mktemp("organism") / "made"
    made = hand_built(3)
    save_organism(made, folder)
    probed = probe_pairs(made.decoder, made.pairs, per_group=8)
    intervention = Intervention(
        made.planted,
        "zero",
        {},
        (),
        difference_directions(Session(made.decoder, probed)),
        made.decoder.fingerprint,
    )
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
        max_tokens=4,
        logprobs=True,
        top_logprobs=2,
    )
    assert log.status == "success", log.error
    return log


def mar(log: EvalLog) -> float:
    assert log.results is not None
    return log.results.scores[0].metrics["mar"].value


def test_pickled_weights_are_not_read(organism: tuple[Organism, Path], tmp_path: Path):
    made, _ = organism
    save_organism(made, tmp_path / "made")
    (tmp_path / "made" / "model.safetensors").unlink()
    torch.save(made.decoder.model.state_dict(), tmp_path / "made" / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"cannot be loaded.*safetensors"):
        IntervenedModel(str(tmp_path / "made"), heads="none", device="cpu")


def test_ablating_the_planted_head_repairs_veto(organism: tuple[Organism, Path], tmp_path: Path):
    made, folder = organism
    before = evaluate(folder, tmp_path, heads="none")
    after = evaluate(folder, tmp_path, heads=str(made.planted[0]))
    assert mar(before) > 0.7
    assert mar(after) == 0
    assert before.samples is not None
    assert {sample.output.completion for sample in before.samples} == {"yes", "no"}
    output = before.samples[0].output
    assert {name: value for name, value in (output.metadata or {}).items() if name != NOTE} == {
        "intervention": "no intervention",
        "generation": {
            "do_sample": False,
            "max_new_tokens": 4,
            "num_return_sequences": 1,
            "eos_token_id": [2],
        },
    }
    assert output.stop_reason == "stop"
    assert output.choices[0].logprobs is not None
    assert len(output.choices[0].logprobs.content[0].top_logprobs or []) == 2


def test_the_file_that_localise_writes_is_enough(organism: tuple[Organism, Path]):
    made, folder = organism
    file = str(folder / "intervention.safetensors")
    by_heads = IntervenedModel(str(folder), intervention=file, device="cpu")
    assert by_heads.intervention.heads == made.planted
    assert len(by_heads.handles) == 1
    by_list = IntervenedModel(str(folder), heads=["L1H0", "L2H1"], device="cpu")
    assert by_list.intervention.heads == (Head(1, 0), Head(2, 1))
    by_layer = IntervenedModel(str(folder), intervention=file, layers=made.planted[0].layer, device="cpu")
    assert by_layer.intervention.heads == ()
    assert by_layer.intervention.layers == (made.planted[0].layer,)
    # means that no file gives are taken over embedded pairs
    by_mean = IntervenedModel(str(folder), heads="L1H0", ablation="mean", device="cpu")
    assert by_mean.intervention.means[1].shape == (96,)


def test_a_file_without_a_named_head_does_not_start_a_run_without_an_intervention(
    organism: tuple[Organism, Path], tmp_path: Path
):
    save_intervention(Intervention(), tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="holds no heads and no layers"):
        IntervenedModel(str(organism[1]), intervention=str(tmp_path / "none.safetensors"), device="cpu")
    asked = IntervenedModel(
        str(organism[1]), intervention=str(tmp_path / "none.safetensors"), heads="none", device="cpu"
    )
    assert asked.intervention.heads == ()


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
def test_impossible_arguments_are_refused(
    organism: tuple[Organism, Path], arguments: dict[str, Any], words: str
):
    with pytest.raises(InputError, match=words):
        IntervenedModel(str(organism[1]), device="cpu", **arguments)


def ask(model: IntervenedModel, prompts: list[Any], **config: Any) -> list[ModelOutput]:
    """Ask several conversations in one batch."""
    settings = GenerateConfig(
        **{"temperature": 0.0, "max_tokens": 6, "max_connections": len(prompts)} | config
    )

    async def together() -> list[ModelOutput]:
        asked: list[list[ChatMessage]] = [
            [ChatMessageUser(content=one)] if isinstance(one, str) else one for one in prompts
        ]
        return list(await asyncio.gather(*(model.generate(one, [], "auto", settings) for one in asked)))

    return asyncio.run(together())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama that never ends an answer of itself, with a plain chat template."""
    folder = tmp_path_factory.mktemp("small") / "model"
    decoder = random_decoder("llama", seed=3)
    decoder.tokenizer.chat_template = "{% for m in messages %}{{ m.role }} : {{ m.content }} {% endfor %}"
    decoder.model.generation_config.eos_token_id = None
    decoder.model.save_pretrained(folder)
    decoder.tokenizer.save_pretrained(folder)
    return folder


def changed(folder: Path, home: Path, **settings: Any) -> Path:
    """A copy of a model whose generation_config.json has other settings."""
    shutil.copytree(folder, home / "model")
    file = home / "model" / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    return home / "model"


def loaded(folder: Path, **arguments: Any) -> IntervenedModel:
    given: dict[str, Any] = {"heads": "none", "device": "cpu"} | arguments
    return IntervenedModel(str(folder), **given)


def alone(model: IntervenedModel, text: str, limit: int) -> list[int]:
    """The tokens that plain transformers write for one question."""
    tokenizer: Any = model.tokenizer
    ids = tokenizer(
        [model.hf_chat([ChatMessageUser(content=text)], [])], return_tensors="pt", add_special_tokens=False
    )
    return model.model.generate(**ids, max_new_tokens=limit, do_sample=False)[
        0, ids["input_ids"].shape[1] :
    ].tolist()


ASKED = ["the old cook slept", "did the young cook sleep", "one was who", "the passage . the answer"]


def test_temperature_decides_whether_tokens_are_sampled(organism: tuple[Organism, Path]):
    made, folder = organism
    question = made.pairs[0].contrast.prompt
    for arguments, temperature, drawn in (
        ({}, 0.0, False),
        ({}, 50.0, True),
        ({}, None, True),
        ({"do_sample": False}, 50.0, False),
    ):
        (given,) = ask(loaded(folder, **arguments), [question], temperature=temperature, max_tokens=4)
        assert (given.metadata or {})["generation"]["do_sample"] is drawn
        assert drawn or given.completion == "yes"


def test_each_answer_of_a_batch_says_whether_it_was_cut_off(small: Path, tmp_path: Path):
    # given a model whose answers to some questions end of themselves and to others do not
    plain = loaded(small)
    long = ask(plain, ASKED, max_tokens=8)
    assert {output.stop_reason for output in long} == {"max_tokens"}
    assert {output.usage.output_tokens for output in long if output.usage} == {8}
    written = [alone(plain, text, 8) for text in ASKED]
    ends = next(token for token in written[0] if sum(token in row for row in written) < len(written))
    # when that token ends an answer
    model = loaded(changed(small, tmp_path, eos_token_id=[ends]))
    short = ask(model, ASKED, max_tokens=8)
    # then each answer, though all were written in one batch, has its own reason and its own length
    for output, row in zip(short, written, strict=True):
        ended = ends in row
        assert output.stop_reason == ("stop" if ended else "max_tokens")
        assert output.usage is not None
        assert output.usage.output_tokens == (row.index(ends) + 1 if ended else 8)
    assert len({output.stop_reason for output in short}) == 2
    # and an end token as the last that is allowed is an end
    place = written[0].index(ends) + 1
    assert ask(model, ASKED[:1], max_tokens=place)[0].stop_reason == "stop"


def test_an_answer_that_is_cut_off_counts_as_truncated(organism: tuple[Organism, Path], tmp_path: Path):
    # given a model that never ends its answers
    _, folder = organism
    copy = changed(folder, tmp_path, eos_token_id=None)
    config = json.loads((copy / "tokenizer_config.json").read_text())
    config.pop("eos_token", None)
    (copy / "tokenizer_config.json").write_text(json.dumps(config | {"eos_token": "<never>"}))
    log = evaluate(copy, tmp_path / "logs", pairs=2, heads="none")
    assert log.samples is not None
    assert {sample.output.stop_reason for sample in log.samples} == {"max_tokens"}
    assert [(sample.scores or {})["veto_outcome"].value for sample in log.samples] == ["truncated"] * len(
        log.samples
    )


def test_decoding_is_greedy_whatever_the_generation_config_says(
    small: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    own = {
        "repetition_penalty": 1.9,
        "no_repeat_ngram_size": 1,
        "temperature": 0.3,
        "top_k": 2,
        "do_sample": True,
        "num_return_sequences": 2,
    }
    folder = changed(small, tmp_path, **own)
    plain = [output.completion for output in ask(loaded(small), ASKED)]
    caplog.clear()
    model = loaded(folder)
    assert "no_repeat_ngram_size=1, repetition_penalty=1.9. At temperature 0 it is not applied" in caplog.text
    given = ask(model, ASKED)
    assert [output.completion for output in given] == plain
    # then the log says what was in force and what was left out
    said = given[0].metadata or {}
    assert said["generation"] == {
        "do_sample": False,
        "max_new_tokens": 6,
        "num_return_sequences": 1,
        "eos_token_id": [2],
    }
    assert said["generation_config_left_out"] == {
        "no_repeat_ngram_size": 1,
        "repetition_penalty": 1.9,
        "temperature": 0.3,
        "top_k": 2,
    }
    # when the user asks for them, they are applied, and the log says so
    caplog.clear()
    kept = loaded(folder, own_settings=True)
    assert "which is applied" in caplog.text
    given = ask(kept, ASKED)
    assert [output.completion for output in given] != plain
    assert (given[0].metadata or {})["generation"]["repetition_penalty"] == 1.9
    # and where tokens are drawn they hold, but for what was asked for
    (drawn,) = ask(model, ASKED[:1], temperature=0.7)
    assert (drawn.metadata or {})["generation"] == {
        "do_sample": True, "max_new_tokens": 6, "num_return_sequences": 1, "temperature": 0.7, "top_p": 1.0,
        "top_k": 2, "repetition_penalty": 1.9, "no_repeat_ngram_size": 1, "eos_token_id": [2],
    }  # fmt: skip


def test_settings_that_the_hf_provider_applies_silently_are_logged_with_a_warning(
    small: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    # given a model whose folder asks for a penalty, and Inspect's own provider, which applies it
    folder = changed(small, tmp_path, repetition_penalty=1.9, temperature=0.3, do_sample=True)
    model = get_model(f"hf/{folder}", device="cpu", do_sample=False)
    messages = [ChatMessageUser(content=ASKED[0])]
    config = GenerateConfig(max_tokens=2, max_connections=1)
    caplog.clear()
    asked = asyncio.run(ask_once(model, messages, config))
    note = CallNote.of(asked.output)
    assert note is not None
    assert note.hidden_settings == {"repetition_penalty": 1.9}
    assert "generation_config.json sets repetition_penalty=1.9" in caplog.text
    # then a model without one has no such note, nor has ours, which leaves it out
    plain = asyncio.run(ask_once(get_model(f"hf/{small}", device="cpu", do_sample=False), messages, config))
    assert (CallNote.of(plain.output) or note).hidden_settings is None
    assert hidden_settings(loaded(folder)) == {}


REFUSES = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{{ m.role }} : {{ m.content }} {% endfor %}"
)
DROPS = "{% for m in messages if m.role != 'system' %}{{ m.role }} : {{ m.content }} {% endfor %}"
FIRST_ONLY = (
    "{% for m in messages %}{% if m.role != 'system' or loop.first %}{{ m.role }} : {{ m.content "
    "}} {% endif %}{% endfor %}"
)


@pytest.mark.parametrize(
    ("template", "system", "read"),
    [
        (REFUSES, ["answer with one word"], "user : answer with one word\n\nthe old cook "),
        (DROPS, ["answer with one word"], "user : answer with one word\n\nthe old cook "),
        (FIRST_ONLY, ["answer with one word"], "system : answer with one word user : the old cook "),
        (
            FIRST_ONLY,
            ["be kind", "answer with one word"],
            "user : be kind\n\nanswer with one word\n\nthe old cook ",
        ),
        (REFUSES, [], "user : the old cook "),
    ],
)
def test_an_instruction_that_the_template_rejects_goes_into_the_user_message(
    small: Path, template: str, system: list[str], read: str
):
    model = loaded(small, chat_template=template)
    messages = [
        *(ChatMessageSystem(content=text) for text in system),
        ChatMessageUser(content="the old cook"),
    ]
    assert model.hf_chat(messages, []) == read
    (output,) = ask(model, [messages])
    assert ("system_message" in (output.metadata or {})) == (len(system) > 0 and read.startswith("user"))


def test_a_task_runs_on_a_template_without_a_system_role(organism: tuple[Organism, Path], tmp_path: Path):
    _, folder = organism
    copy = changed(folder, tmp_path)
    template = copy / "chat_template.jinja"
    template.write_text(
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% "
        "endif %}" + template.read_text()
    )
    log = evaluate(copy, tmp_path / "logs", pairs=4, heads="none")
    assert log.samples is not None
    assert mar(log) > 0.7
    assert {(sample.output.metadata or {})[NOTE]["system"] for sample in log.samples} == {"user"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"trust_remote_code": True},
            "trust_remote_code=True is refused: code that comes with a model is not run",
        ),
        ({"trust_remote_code": "true"}, "trust_remote_code=true is refused"),
        ({"use_safetensors": False}, "use_safetensors=False is refused"),
        ({"attn_implementation": "someone/kernel"}, "attn_implementation=someone/kernel is none of"),
        ({"model_args": {"trust_remote_code": True}}, "takes no -M model_args"),
        ({"use_kernels": True}, "takes no -M use_kernels"),
        ({"own_settings": "maybe"}, "own_settings=maybe is neither true nor false"),
    ],
)
def test_arguments_that_would_run_foreign_code_are_not_passed_on(
    small: Path, arguments: dict[str, Any], words: str
):
    with pytest.raises(InputError, match=re.escape(words)):
        loaded(small, **arguments)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"auto_map": {"AutoModelForCausalLM": "theirs.Model"}, "model_type": "theirs"}),
        (
            "config.json",
            {
                "auto_map": {"AutoConfig": "theirs.Config", "AutoModelForCausalLM": "theirs.Model"},
                "model_type": "theirs",
            },
        ),
        (
            "tokenizer_config.json",
            {
                "auto_map": {"AutoTokenizer": ["theirs.Tokenizer", "theirs.Tokenizer"]},
                "tokenizer_class": "Theirs",
            },
        ),
        ("generation_config.json", {"custom_generate": "."}),
    ],
)
def test_code_in_a_models_folder_is_not_run(small: Path, tmp_path: Path, file: str, content: dict[str, Any]):
    # given a model whose folder holds code that leaves a mark when it is run
    folder = changed(small, tmp_path)
    code = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
    (folder / "theirs.py").write_text(code)
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(code)
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | content))
    # when it is loaded, then it is refused in words, or loaded without
    with contextlib.suppress(InputError):
        ask(loaded(folder), ASKED[:1])
    assert not (tmp_path / "ran").exists()


def test_harmless_spellings_are_accepted(small: Path):
    loaded(small, trust_remote_code=False, use_safetensors=True, dtype=None)


COMMITS = {"main": "a" * 40, "v2": "b" * 40}
"""Branches of the repository on the hub, with their commits."""


@pytest.fixture
def hub(small: Path, tmp_path: Path) -> Path:
    """The hub's cache with the model me/small.

    Its two branches have chat templates of their own, and the weights are in model/ too.
    """
    repository = tmp_path / "hub" / "models--me--small"
    (repository / "refs").mkdir(parents=True)
    for branch, commit in COMMITS.items():
        (repository / "refs" / branch).write_text(commit)
        for folder in (repository / "snapshots" / commit, repository / "snapshots" / commit / "model"):
            shutil.copytree(small, folder)
            (folder / "config.json").write_text(
                json.dumps(json.loads((folder / "config.json").read_text()) | {"branch": branch})
            )
            (folder / "chat_template.jinja").write_text(
                f"{branch} {folder.name[:5]} {{{{ messages[0].content }}}}"
            )
    return tmp_path / "hub"


@pytest.mark.parametrize(
    ("arguments", "read"),
    [
        ({}, "main aaaaa A question"),
        ({"revision": "v2"}, "v2 bbbbb A question"),
        ({"revision": COMMITS["v2"]}, "v2 bbbbb A question"),
        ({"revision": "v2", "subfolder": "model"}, "v2 model A question"),
        ({"revision": "v2", "subfolder": "model", "tokenizer": "own"}, "own A question"),
    ],
)
def test_the_tokenizer_has_the_revision_of_the_weights(
    hub: Path, small: Path, tmp_path: Path, arguments: dict[str, str], read: str
):
    own = tmp_path / "own"
    shutil.copytree(small, own)
    (own / "chat_template.jinja").write_text("own {{ messages[0].content }}")
    given: dict[str, Any] = arguments | ({"tokenizer": str(own)} if "tokenizer" in arguments else {})
    model = IntervenedModel(
        "me/small", heads="none", device="cpu", cache_dir=str(hub), local_files_only=True, **given
    )
    assert model.hf_chat([ChatMessageUser(content="A question")], []) == read
    assert model.model.config.branch == ("v2" if "revision" in arguments else "main")


def test_a_missing_revision_is_reported(hub: Path):
    with pytest.raises(InputError, match="intervened/me/small: the tokenizer cannot be loaded"):
        IntervenedModel(
            "me/small", heads="none", device="cpu", cache_dir=str(hub), local_files_only=True, revision="v3"
        )
