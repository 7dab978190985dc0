"""On a real model: a task's first-token readout is that of ``misfire localise`` and of plain transformers."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from inspect_ai.log import EvalSample

from misfire.datasets.sampling import sample_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.mechanistic.model.decoder import Decoder, load_decoder
from misfire.mechanistic.prompts import answer_tokens, probe_prompt
from misfire.mechanistic.selection import differences
from misfire.scorers.first_tokens import FirstTokenNote
from misfire.scorers.veto import SCORER
from misfire.tasks.veto import veto
from tests.runs import run_task

pytestmark = pytest.mark.slow

PAIRS = sample_pairs(load_pairs(PairSettings("embedded")).pairs, 12, seed=1)
"""The pairs that ``-T pairs=12`` draws."""

SYSTEM = "You answer yes/no questions about short passages. Answer with one word: yes or no."
REQUEST = "Answer with one word: yes or no."


@pytest.fixture(scope="module")
def decoder(smollm2: Path) -> Decoder:
    return load_decoder(str(smollm2), device="cpu")


def read(
    folder: Path, log_dir: Path, provider: str, **model_args: Any
) -> dict[str, tuple[EvalSample, FirstTokenNote]]:
    """The samples of a task by id, each with what its first token showed."""
    more = {"heads": "none"} if provider == "intervened" else {}
    (log,) = run_task(
        veto(source="embedded", pairs=12, readout="logprobs"),
        model=f"{provider}/smollm2",
        model_args={"model_path": str(folder), "device": "cpu"} | more | model_args,
        log_dir=str(log_dir),
    )
    assert log.status == "success", log.error
    found: dict[str, tuple[EvalSample, FirstTokenNote]] = {}
    for sample in log.samples or []:
        note = FirstTokenNote.in_score((sample.scores or {})[SCORER])
        assert note is not None
        found[str(sample.id)] = sample, note
    return found


def probed(decoder: Decoder) -> dict[str, float]:
    """The margins that ``misfire localise`` reads, by sample id."""
    halves = [(f"{pair.id}_{name}", half.prompt) for pair in PAIRS for name, half in pair.halves]
    prompts = [probe_prompt(decoder.tokenizer, prompt).ids for _, prompt in halves]
    margins = differences(decoder, prompts, answer_tokens(decoder.tokenizer))
    return {name: float(margin) for (name, _), margin in zip(halves, margins, strict=True)}


@pytest.mark.parametrize("provider", ["hf", "intervened"])
def test_the_same_pairs_fail_in_the_task_and_in_the_probe(
    provider: str, smollm2: Path, decoder: Decoder, tmp_path: Path
):
    found, margins = read(smollm2, tmp_path, provider), probed(decoder)
    assert {name: note.margin for name, (_, note) in found.items()} == pytest.approx(margins, abs=1e-3)
    answers = {name: (sample.scores or {})[SCORER].answer for name, (sample, _) in found.items()}
    assert answers == {name: "yes" if margin > 0 else "no" for name, margin in margins.items()}
    assert len(set(answers.values())) == 2


def test_the_masses_are_those_of_plain_transformers(smollm2: Path, tmp_path: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(smollm2)
    words: Any = AutoTokenizer.from_pretrained(smollm2)
    # the tokens of the spellings, written down from the tokenizer's vocabulary
    tokens = {"yes": ["ĠYes", "Ġyes", "yes", "Yes"], "no": ["Ġno", "ĠNo", "no", "No", "ĠNO", "NO"]}
    for sample, note in read(smollm2, tmp_path, "hf").values():
        turns = (
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{sample.input}\n\n{REQUEST}<|im_end|>"
        )
        ids = words(f"{turns}\n<|im_start|>assistant\n", return_tensors="pt").input_ids
        with torch.no_grad():
            masses = model(ids).logits[0, -1].double().softmax(-1)
        mass = {word: float(masses[words.convert_tokens_to_ids(own)].sum()) for word, own in tokens.items()}
        assert note.margin == pytest.approx(math.log(mass["yes"] / mass["no"]), abs=1e-3)
        assert note.answer_mass == pytest.approx(sum(mass.values()), abs=1e-4)
        assert note.answer_mass_max >= sum(mass.values()) - 1e-4


def test_the_same_holds_without_a_chat_template(smollm2: Path, decoder: Decoder, tmp_path: Path):
    found = read(smollm2, tmp_path, "hf", use_chat_template=False)
    own = decoder.tokenizer.chat_template
    try:
        decoder.tokenizer.chat_template = None
        margins = probed(decoder)
    finally:
        decoder.tokenizer.chat_template = own
    assert {name: note.margin for name, (_, note) in found.items()} == pytest.approx(margins, abs=1e-3)
