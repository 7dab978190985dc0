"""``hf/`` needs no flags: it is greedy at temperature 0, and base models are asked in plain text."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    get_model,
)

from misfire.datasets.pair_files import write_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.mechanistic.model.decoder import Decoder, load_decoder
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.language import word_tokenizer
from misfire.mechanistic.organisms.organism import save_organism
from misfire.mechanistic.prompts import answer_tokens, probe_prompt, render
from misfire.mechanistic.selection import differences, probe_pairs
from misfire.model_calls.ask import ask
from misfire.model_calls.hugging_face import LISTED, adapt
from misfire.scorers.first_tokens import FirstTokenNote
from misfire.scorers.veto import SCORER
from misfire.tasks.veto import veto
from tests.mechanistic.families import FAMILIES
from tests.runs import run_task

PAIRS = load_pairs(PairSettings("embedded")).pairs[::64]
BEGINS = (
    "{{ '<answer>' }}{% for m in messages %}{{ m.role }} : {{ m.content }} . {% endfor %}"
    "{% if add_generation_prompt %}{{ 'you :' }}{% endif %}"
)
"""A template that begins with a token of its own."""


def saved(folder: Path, template: str | None) -> Path:
    """A small model with random weights, and all words of the pairs."""
    torch.manual_seed(5)
    texts = [half.prompt for pair in PAIRS for _, half in pair.halves]
    tokenizer = word_tokenizer([*texts, render(word_tokenizer([]), "a")], template)
    model = FAMILIES["llama"](vocab_size=len(tokenizer), max_position_embeddings=512)
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_(0, 1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_pairs(PAIRS, folder / "pairs.jsonl")
    return folder


@pytest.fixture(scope="module", params=["template", "base"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = BEGINS if request.param == "template" else None
    return saved(tmp_path_factory.mktemp(request.param) / "made", template)


def over(folder: Path, log_dir: Path, model: str = "hf/made", **arguments: Any) -> EvalLog:
    model_args = {"model_path": str(folder), "device": "cpu"} | (
        {"heads": "none"} if "inter" in model else {}
    )
    (log,) = run_task(
        veto(source="file", path=str(folder / "pairs.jsonl"), **arguments),
        model=model,
        model_args=model_args,
        log_dir=str(log_dir),
    )
    assert log.status == "success", log.error
    return log


def margins(log: EvalLog) -> dict[str, float]:
    """The margins of a log's halves, by sample id."""
    found: dict[str, float] = {}
    for sample in log.samples or []:
        note = FirstTokenNote.in_score((sample.scores or {})[SCORER])
        assert note is not None
        assert note.margin is not None
        assert note.margin_bound == "exact"
        found[str(sample.id)] = note.margin
    return found


@pytest.mark.parametrize("model", ["hf/made", "intervened/made"])
def test_a_task_reads_the_margins_that_the_probe_of_localise_reads(folder: Path, model: str, tmp_path: Path):
    # given what the probe reads
    decoder = load_decoder(str(folder), device="cpu")
    halves = [(f"{pair.id}_{name}", half.prompt) for pair in PAIRS for name, half in pair.halves]
    prompts = [probe_prompt(decoder.tokenizer, prompt).ids for _, prompt in halves]
    probed = differences(decoder, prompts, answer_tokens(decoder.tokenizer))

    # when a task reads the first token
    found = margins(over(folder, tmp_path, model, readout="logprobs"))

    # then it is the same, so the same pairs fail
    assert [found[name] for name, _ in halves] == pytest.approx(list(probed), abs=2e-4)
    assert max(probed) - min(probed) > 0.05


def test_the_pairs_that_fail_in_a_task_are_those_that_fail_in_the_probe(tmp_path: Path):
    # given a model that misfires on some pairs and not on others
    made = hand_built(3)
    save_organism(made, tmp_path / "made")
    probed = probe_pairs(made.decoder, made.pairs, per_group=8)

    log = over(tmp_path / "made", tmp_path, readout="logprobs")

    wrong = {str(sample.id) for sample in log.samples or [] if (sample.scores or {})[SCORER].value == "wrong"}
    assert wrong == {
        f"{one.pair}_{half}"
        for one in probed.asked
        for half, margin in (("stereotyped", one.stereotyped), ("contrast", one.contrast))
        if margin <= 0
    }
    assert 0 < len(wrong) < len(log.samples or [])


def test_the_masses_are_those_of_plain_transformers(folder: Path, tmp_path: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plain: Any = AutoModelForCausalLM.from_pretrained(folder)
    words: Any = AutoTokenizer.from_pretrained(folder)
    log = over(folder, tmp_path, readout="logprobs")
    for sample in (log.samples or [])[:4]:
        text = render(words, str(sample.input))
        ids = words(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.no_grad():
            masses = plain(ids).logits[0, -1].double().softmax(-1)
        note = FirstTokenNote.in_score((sample.scores or {})[SCORER])
        assert note is not None
        for answer in ("yes", "no"):
            assert note.masses[answer] == pytest.approx(
                float(masses[words.convert_tokens_to_ids(answer)]), rel=1e-4
            )


def test_temperature_0_needs_no_flag_and_is_greedy(folder: Path, tmp_path: Path):
    one, two = (over(folder, tmp_path / name, max_tokens=6, pairs=2) for name in ("one", "two"))
    texts = [[sample.output.completion for sample in log.samples or []] for log in (one, two)]
    assert texts[0] == texts[1]
    # and each token is the most likely one
    decoder = load_decoder(str(folder), device="cpu")
    sample = (one.samples or [])[0]
    asked = _rendered(decoder, sample.messages[:-1])
    assert sample.output.completion == _greedy(decoder, asked, 6)


def _rendered(decoder: Decoder, messages: list[ChatMessage]) -> str:
    from misfire.model_calls.hugging_face import PLAIN_TEMPLATE

    tokenizer = decoder.tokenizer
    return tokenizer.apply_chat_template(
        [{"role": message.role, "content": message.text} for message in messages],
        chat_template=tokenizer.chat_template or PLAIN_TEMPLATE,
        add_generation_prompt=True,
        tokenize=False,
    )


def _greedy(decoder: Decoder, text: str, tokens: int) -> str:
    ids: list[int] = decoder.tokenizer(text, add_special_tokens=False).input_ids
    start = len(ids)
    for _ in range(tokens):
        with torch.no_grad():
            ids.append(int(decoder.logits(decoder.batch([ids]))[0].argmax()))
        if ids[-1] == decoder.tokenizer.eos_token_id:
            break
    return decoder.tokenizer.decode(ids[start:], skip_special_tokens=True)


def loaded(folder: Path, **arguments: Any) -> Model:
    model = get_model("hf/made", memoize=False, model_path=str(folder), device="cpu", **arguments)
    adapt(model.api)
    return model


def test_each_call_samples_or_not_by_its_own_temperature(folder: Path):
    # given calls at different temperatures at the same time
    model = loaded(folder)
    sampled: list[tuple[bool, float | None]] = []
    generate = model.api.model.generate  # pyright: ignore[reportAttributeAccessIssue]

    def watched(**settings: Any) -> Any:
        sampled.append((settings["do_sample"], settings.get("temperature")))
        return generate(**settings)

    model.api.model.generate = watched  # pyright: ignore[reportAttributeAccessIssue]

    async def both() -> None:
        messages = [ChatMessageUser(content="Did the old cook sleep?")]
        await asyncio.gather(*(
            ask(model, messages, GenerateConfig(temperature=temperature, max_tokens=2))
            for temperature in (0.0, 0.7, 0.0, None)
        ))  # fmt: skip

    asyncio.run(both())
    assert set(sampled) == {(False, None), (True, 0.7), (True, None)}


CONVERSATION: list[ChatMessage] = [
    ChatMessageSystem(content="S"),
    ChatMessageUser(content="Q1"),
    ChatMessageAssistant(content="yes"),
    ChatMessageUser(content="Q2"),
]


def text_of(model: Model) -> str:
    return model.api.hf_chat(CONVERSATION, [])  # pyright: ignore[reportAttributeAccessIssue]


def test_a_base_model_is_asked_in_plain_text(tmp_path: Path):
    plain = "S\n\nQ1\n\nAnswer: yes\n\nQ2\n\nAnswer:"
    assert text_of(loaded(saved(tmp_path / "base", None))) == plain
    made = saved(tmp_path / "made", BEGINS)
    assert text_of(loaded(made)).endswith("you :")
    # the user decides
    assert text_of(loaded(made, use_chat_template=False)) == plain
    assert text_of(loaded(made, chat_template="{{ messages[0].content }}!")) == "S!"


def test_a_template_s_begin_token_is_not_added_again(folder: Path):
    api: Any = loaded(folder).api
    assert api.tokenizer_call_args == ({"add_special_tokens": False} if "template" in str(folder) else {})
    mine = loaded(saved_again(folder), tokenizer_call_args={"add_special_tokens": True})
    assert getattr(mine.api, "tokenizer_call_args") == {"add_special_tokens": True}  # noqa: B009


def saved_again(folder: Path) -> Path:
    return folder


def test_the_log_keeps_the_first_tokens_and_the_answers(folder: Path, tmp_path: Path):
    log = over(folder, tmp_path, readout="logprobs", pairs=1)
    output = (log.samples or [])[0].output
    assert output.choices[0].logprobs is not None
    top = output.choices[0].logprobs.content[0].top_logprobs or []
    values = [token.logprob for token in top]
    assert values == sorted(values, reverse=True)
    assert {"yes", "no"} <= {token.token for token in top}
    assert len(top) <= 20 + 2 + 1
    # fewer than we would search, since the vocabulary is small
    assert log.eval.model_generate_config.top_logprobs is None
    assert len(load_decoder(str(folder), device="cpu").tokenizer) < LISTED
