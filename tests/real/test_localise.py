"""`misfire localise` with the weights of a real model, against plain transformers with hooks.

The whole model gives margins, lens and some heads. All analyses together run on a model of its first layers
alone, since 270 heads would take minutes.
"""

import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from misfire.cli.main import main
from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import HALF_NAMES
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.mechanistic.model.decoder import load_decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.replay import Replay
from misfire.mechanistic.prompts import answer_tokens, probe_prompt

pytestmark = pytest.mark.slow

LAYERS = 5
"""Layers of the short model."""

PAIRS = load_pairs(PairSettings("embedded")).pairs[::32]
"""16 pairs, from all categories."""

CLOSE = 1e-4


class Plain:
    """A model by transformers alone, with the prompts of the probe.

    Args:
        folder: The model.
    """

    def __init__(self, folder: Path) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(folder).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.answers = answer_tokens(self.tokenizer)

    def prompt(self, text: str) -> list[int]:
        return list(probe_prompt(self.tokenizer, text).ids)

    def state(self, text: str) -> Tensor:
        """The residual stream after the final norm at the last token."""
        return self.model.model(torch.tensor([self.prompt(text)])).last_hidden_state[0, -1]

    @torch.no_grad()
    def margin(self, ids: Iterable[int]) -> float:
        return self.read(self.model(torch.tensor([list(ids)]), logits_to_keep=1).logits[0, -1])

    def read(self, logits: Tensor) -> float:
        """Log odds of yes against no."""
        yes, no = (
            torch.logsumexp(logits[list(tokens)].double(), 0)
            for tokens in (self.answers.yes, self.answers.no)
        )
        return float(yes - no)

    @torch.no_grad()
    def lens(self, ids: Iterable[int]) -> list[float]:
        """The margin after every layer, by the final norm and the unembedding; the last is normed already."""
        states = self.model(torch.tensor([list(ids)]), output_hidden_states=True).hidden_states[1:]
        normed = [*(self.model.model.norm(state[0, -1]) for state in states[:-1]), states[-1][0, -1]]
        return [self.read(self.model.lm_head(state)) for state in normed]

    def out_projection(self, layer: int) -> nn.Module:
        return self.model.model.layers[layer].self_attn.o_proj

    @contextmanager
    def without(self, layer: int, head: int) -> Generator[None]:
        """With a head's slice of the input of the output projection set to zero."""
        size = self.model.config.head_dim

        def silence(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor]:
            value = arguments[0].clone()
            value[..., head * size : (head + 1) * size] = 0
            return (value,)

        handle = self.out_projection(layer).register_forward_pre_hook(silence)
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def with_last_residual(self, layer: int, value: Tensor) -> Generator[None]:
        """With the residual stream after a layer replaced at the last token."""

        def put(_: nn.Module, __: Any, output: Any) -> Any:
            found = output[0] if isinstance(output, tuple) else output
            found = found.clone()
            found[:, -1] = value
            return (found, *output[1:]) if isinstance(output, tuple) else found

        handle = self.model.model.layers[layer].register_forward_hook(put)
        try:
            yield
        finally:
            handle.remove()

    @torch.no_grad()
    def last_residual(self, ids: Iterable[int], layer: int) -> Tensor:
        kept: list[Tensor] = []

        def keep(_: nn.Module, __: Any, output: Any) -> None:
            kept.append((output[0] if isinstance(output, tuple) else output)[0, -1])

        handle = self.model.model.layers[layer].register_forward_hook(keep)
        self.model(torch.tensor([list(ids)]))
        handle.remove()
        return kept[0]


# --- the whole model --------------------------------------------------------------------------------


def test_margins_and_heads_of_the_whole_model_are_those_of_plain_hooks(smollm2: Path):
    # given both halves of an embedded pair
    pair = PAIRS[0]
    decoder, plain = load_decoder(str(smollm2), device="cpu"), Plain(smollm2)
    prompts = [probe_prompt(decoder.tokenizer, half.prompt).ids for _, half in pair.halves]
    assert len(decoder.heads) == 270
    # when heads of a deep, a middle and a late layer are ablated by replay
    with torch.no_grad():
        replay = Replay(decoder, prompts, plain.answers)
        heads = [Head(0, 8), Head(14, 3), Head(29, 0)]
        found = {head: replay.ablated(head.layer, [head.index])[0] for head in heads}
    # then margins are those of plain transformers
    for row, ids in enumerate(prompts):
        assert float(replay.clean[row]) == pytest.approx(plain.margin(ids), abs=CLOSE)
        for head in heads:
            with plain.without(head.layer, head.index):
                assert float(found[head][row]) == pytest.approx(plain.margin(ids), abs=CLOSE), head


# --- the short model, all analyses -------------------------------------------------------------------


def short_model(smollm2: Path, folder: Path) -> None:
    """Write the first layers of the model, with an offset toward "yes" so that some pairs fail.

    These layers alone always answer "no". The offset puts the two halves of the pair that they tell apart
    best on different sides of 0.
    """
    plain = Plain(smollm2)
    model = plain.model
    model.model.layers = model.model.layers[:LAYERS]
    model.config.num_hidden_layers, model.config.tie_word_embeddings = LAYERS, False
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
    with torch.no_grad():
        states = [[plain.state(half.prompt) for _, half in pair.halves] for pair in PAIRS]
        for _ in range(4):  # states are not quite alike, so each step is closer
            margins = [[plain.read(model.lm_head(state)) for state in both] for both in states]
            best = max(range(len(PAIRS)), key=lambda index: margins[index][1] - margins[index][0])
            middle, state = sum(margins[best]) / 2, torch.stack(states[best]).mean(0)
            for token in plain.answers.yes:
                model.lm_head.weight[token] -= middle * state / state.dot(state)
    model.save_pretrained(folder)
    plain.tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def localised(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The short model, in ``model``, and what localise writes about it, in ``out``."""
    home = tmp_path_factory.mktemp("localised")
    short_model(smollm2, home / "model")
    write_pairs(PAIRS, home / "pairs.jsonl")
    options = [
        "--pairs", home / "pairs.jsonl", "--out", home / "out", "--device", "cpu", "--per-group", 1,
        "--effort", "full", "--min-margin", 0, "--ks", 1, "--draws", 2,
        "--analyses", "lens,patching,heads,attention,paths,prescreen",
    ]  # fmt: skip
    done = CliRunner().invoke(main, ["localise", str(home / "model"), *map(str, options)])
    assert done.exit_code == 0, done.output
    return home


@pytest.fixture(scope="module")
def plain(localised: Path) -> Plain:
    return Plain(localised / "model")


@pytest.fixture(scope="module")
def prompt_of(plain: Plain) -> Callable[[str, str], list[int]]:
    """The token IDs of a half of a pair."""
    prompts: dict[tuple[str, str], str] = {
        (pair.id, name): half.prompt for pair in PAIRS for name, half in pair.halves
    }
    return lambda pair, half: plain.prompt(prompts[pair, half])


def frame(localised: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(localised / "out" / "frames" / f"{name}.parquet")


def test_margins_are_plain(localised: Path, plain: Plain, prompt_of: Callable[[str, str], list[int]]):
    rows = frame(localised, "pairs").to_dict("records")
    assert rows
    for row in rows:
        for half in HALF_NAMES:
            assert row[f"{half}_margin"] == pytest.approx(
                plain.margin(prompt_of(row["pair"], half)), abs=CLOSE
            )


def test_the_lens_is_plain(localised: Path, plain: Plain, prompt_of: Callable[[str, str], list[int]]):
    for (pair, half), own in frame(localised, "lens").groupby(["pair", "half"]):
        expected = plain.lens(prompt_of(str(pair), str(half)))
        assert own.sort_values("layer")["margin"].tolist() == pytest.approx(expected, abs=CLOSE)


def test_every_tenth_head_is_plain(localised: Path, plain: Plain, prompt_of: Callable[[str, str], list[int]]):
    effects = frame(localised, "effects_zero")
    assert len(effects) == 9 * LAYERS * 2 * len(frame(localised, "pairs"))
    for row in effects.iloc[::10].to_dict("records"):
        with plain.without(row["layer"], row["head"]):
            assert row["ablated"] == pytest.approx(
                plain.margin(prompt_of(row["pair"], row["half"])), abs=CLOSE
            )


def test_patching_is_plain(localised: Path, plain: Plain, prompt_of: Callable[[str, str], list[int]]):
    found = frame(localised, "patching")
    own = found[(found["site"] == "residual") & (found["where"] == "last")]
    assert len(own) >= 2 * LAYERS
    for row in own.to_dict("records"):
        source, target = (
            ("contrast", "stereotyped") if row["direction"] == "denoising" else ("stereotyped", "contrast")
        )
        value = plain.last_residual(prompt_of(row["pair"], source), row["layer"])
        with plain.with_last_residual(row["layer"], value):
            expected = plain.margin(prompt_of(row["pair"], target))
        assert row["patched"] == pytest.approx(expected, abs=CLOSE), row


def test_the_page_and_the_summary_are_written(localised: Path):
    out = localised / "out"
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["adapter"] is None
    assert (out / "index.html").stat().st_size > 10_000
    assert frame(localised, "attention").shape[0] > 0
    assert (out / "intervention.safetensors").exists()
