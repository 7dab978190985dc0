"""The fast sweep gives what plain ablation gives, for every family, with and without what makes it fast."""

from typing import Any, cast

import pytest
import torch

from misfire.mechanistic.analyses.ablation import naive_last_token
from misfire.mechanistic.model.batching import chunks, sweep_chunks
from misfire.mechanistic.model.decoder import AnswerTokens, Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import ablating, capturing
from misfire.mechanistic.model.replay import Replay
from tests.mechanistic.families import FAMILIES, exact_decoder, random_decoder, random_prompts

ANSWERS = AnswerTokens((5, 6), (7,))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_replay_equals_ablation(family: str, attention: str):
    decoder = exact_decoder(family)
    prompts = random_prompts()
    batch = decoder.batch(prompts)
    with decoder.attention(attention), torch.no_grad():  # pyright: ignore[reportArgumentType]
        with capturing(decoder, z=True) as captured:
            decoder.run(batch)
        means = {layer: z[:, :9].mean((0, 1)) for layer, z in captured.z.items()}
        for fill in (None, means):
            replay = Replay(decoder, prompts, ANSWERS)
            assert (replay.tree is None) == (family == "qwen3.5")
            torch.testing.assert_close(
                replay.clean, decoder.difference(decoder.run(batch), ANSWERS), atol=1e-5, rtol=0
            )
            for layer in decoder.layout.layers:
                fast = replay.ablated(layer.index, range(layer.heads), fill)
                for head in range(layer.heads):
                    with ablating(decoder, [Head(layer.index, head)], fill):
                        slow = decoder.difference(decoder.run(batch), ANSWERS)
                    torch.testing.assert_close(fast[head], slow, atol=2e-5, rtol=0)
                    assert (slow - replay.clean).abs().max() > 1e-3  # the ablation does something


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "qwen3.5"])
def test_the_cached_last_token_variant_equals_whole_runs(family: str, attention: str):
    decoder = exact_decoder(family)
    prompts = random_prompts()
    with decoder.attention(attention):  # pyright: ignore[reportArgumentType]
        replay = Replay(decoder, prompts, ANSWERS)
        for layer in decoder.layout.layers:
            fast = replay.ablated_at_last(layer.index, range(layer.heads))
            slow = naive_last_token(decoder, prompts, ANSWERS, layer.index)
            torch.testing.assert_close(fast, slow, atol=1e-5, rtol=0)
            assert (slow - replay.clean).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_a_model_placed_by_accelerate_is_replayed_in_the_same_way(family: str):
    from accelerate import dispatch_model

    # given accelerate's own wrappers around every layer, as a device_map over several devices puts them there
    plain, prompts = exact_decoder(family), random_prompts()
    expected = Replay(plain, prompts, ANSWERS)
    wanted = [expected.ablated(layer, range(4)) for layer in range(4)]
    places: Any = dict.fromkeys(("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"), "cpu")
    places |= {f"model.layers.{layer}": "cpu" for layer in range(4)}
    model: Any = dispatch_model(plain.model, places, main_device=cast(torch.device, "cpu"), force_hooks=True)
    assert hasattr(model.model.layers[0], "_hf_hook")
    placed = Replay(Decoder(model, plain.tokenizer, "placed"), prompts, ANSWERS)
    for layer in range(4):
        torch.testing.assert_close(placed.ablated(layer, range(4)), wanted[layer], atol=1e-5, rtol=0)
        torch.testing.assert_close(
            placed.ablated_at_last(layer, [1]), expected.ablated_at_last(layer, [1]), atol=1e-5, rtol=0
        )


def test_prompts_that_share_nothing_or_everything_or_are_equal_give_the_same_results():
    decoder = exact_decoder()
    start = list(range(4, 20))
    for prompts in (
        random_prompts(shared=0),
        [[*start, 7], [*start, 7], [*start, 7, 9]],
        [[*start, *range(20, 32), 5], [*start, *range(20, 32), 6], [*start, 30, 31, 33], [4, 5]],
        [start],
    ):
        tree, whole = Replay(decoder, prompts, ANSWERS), Replay(decoder, prompts, ANSWERS, share=False)
        assert tree.tree is not None
        assert whole.tree is None
        for layer in range(4):
            torch.testing.assert_close(
                tree.ablated(layer, [0, 2]), whole.ablated(layer, [0, 2]), atol=1e-5, rtol=0
            )
            slow = naive_last_token(decoder, prompts, ANSWERS, layer, [0, 2])
            torch.testing.assert_close(tree.ablated_at_last(layer, [0, 2]), slow, atol=1e-5, rtol=0)
        torch.testing.assert_close(tree.unchanged(), tree.clean, atol=1e-5, rtol=0)


def test_chunks_contain_every_prompt_once_within_the_budget():
    lengths = [5, 9, 7, 30, 6]
    made = list(chunks(lengths, width=10, layers=2, size=4, budget=2 * (2 * 2 + 24) * 18 * 10 * 4))
    assert sorted(index for chunk in made for index in chunk) == [0, 1, 2, 3, 4]
    assert all(len(chunk) == 1 or len(chunk) * max(lengths[index] for index in chunk) <= 18 for chunk in made)
    assert len(made) > 1


def test_a_sweep_batches_prompts_with_the_same_beginning():
    decoder = random_decoder()
    prompts = [[4, 5, 6, 9], [7, 8, 9, 9, 9], [4, 5, 6, 8], [7, 8, 9, 5, 5]]
    # given room for two prompts of five tokens
    made = sweep_chunks(decoder, prompts, 2 * (2 * 4 + 24) * 10 * 32 * 4)
    assert [set(chunk) for chunk in made] == [{0, 2}, {1, 3}]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_sets_of_heads_are_ablated_together_as_by_whole_runs(family: str, attention: str):
    decoder = exact_decoder(family)
    prompts = random_prompts()
    batch = decoder.batch(prompts)
    layers = len(decoder.layout.layers)
    sets = [
        [Head(1, 0), Head(1, 1), Head(layers - 1, 2)],
        [Head(layers - 1, 0)],
        [Head(2, 1), Head(3, 1)],
        [],
    ]
    with decoder.attention(attention), torch.no_grad():  # pyright: ignore[reportArgumentType]
        with capturing(decoder, z=True) as captured:
            decoder.run(batch)
        means = {layer: z[:, :9].mean((0, 1)) for layer, z in captured.z.items()}
        for fill in (None, means):
            replay = Replay(decoder, prompts, ANSWERS)
            fast = replay.ablated_together(sets, fill)
            for heads, own in zip(sets, fast, strict=True):
                with ablating(decoder, heads, fill):
                    slow = decoder.difference(decoder.run(batch), ANSWERS)
                torch.testing.assert_close(own, slow, atol=2e-5, rtol=0)
                assert not heads or (slow - replay.clean).abs().max() > 1e-3
