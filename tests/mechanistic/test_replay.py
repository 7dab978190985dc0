"""The fast sweep gives what plain ablation gives, for every family, with and without what makes it fast."""

import pytest
import torch

from misfire.mechanistic.decoder import AnswerTokens
from misfire.mechanistic.heads import Head
from misfire.mechanistic.hooks import ablating, capturing
from misfire.mechanistic.replay import Replay, chunks, common_prefix
from tests.mechanistic.families import FAMILIES, random_decoder, random_prompts

ANSWERS = AnswerTokens((5, 6), (7,))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_replay_equals_ablation(family: str, attention: str):
    decoder = random_decoder(family)
    prompts = random_prompts()
    batch = decoder.batch(prompts)
    with decoder.attention(attention), torch.no_grad():  # pyright: ignore[reportArgumentType]
        with capturing(decoder, z=True) as captured:
            decoder.run(batch)
        means = {layer: z[:, :9].mean((0, 1)) for layer, z in captured.z.items()}
        for fill in (None, means):
            replay = Replay(decoder, prompts, ANSWERS)
            assert replay.prefix == (0 if family == "qwen3.5" else 5)
            torch.testing.assert_close(replay.clean, decoder.difference(decoder.run(batch), ANSWERS), atol=1e-5, rtol=0)
            for layer in decoder.layout.layers:
                fast = replay.ablated(layer.index, range(layer.heads), fill)
                for head in range(layer.heads):
                    with ablating(decoder, [Head(layer.index, head)], fill):
                        slow = decoder.difference(decoder.run(batch), ANSWERS)
                    torch.testing.assert_close(fast[head], slow, atol=2e-5, rtol=0)
                    assert (slow - replay.clean).abs().max() > 1e-3  # the ablation does something


def test_prompts_of_unequal_start_share_nothing_and_still_agree():
    decoder = random_decoder()
    prompts = random_prompts(shared=0)
    assert common_prefix(prompts) == 0
    replay, whole = Replay(decoder, prompts, ANSWERS), Replay(decoder, random_prompts(), ANSWERS, share_prefix=False)
    assert (replay.prefix, whole.prefix) == (0, 0)
    torch.testing.assert_close(whole.ablated(1, [0, 2]), Replay(decoder, random_prompts(), ANSWERS).ablated(1, [0, 2]), atol=1e-5, rtol=0)


def test_chunks_hold_every_prompt_once_within_the_budget():
    lengths = [5, 9, 7, 30, 6]
    made = list(chunks(lengths, width=10, layers=2, size=4, budget=2 * 2 * 2 * 18 * 10 * 4))
    assert sorted(index for chunk in made for index in chunk) == [0, 1, 2, 3, 4]
    assert all(len(chunk) == 1 or len(chunk) * max(lengths[index] for index in chunk) <= 18 for chunk in made)
    assert len(made) > 1
