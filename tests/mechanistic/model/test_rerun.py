"""A rerun from a layer on gives the numbers of a whole run, to the last bit."""

import pytest
import torch

from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.hooks import SITES, Patch, patching
from misfire.mechanistic.model.rerun import Rerun
from tests.mechanistic.families import FAMILIES, random_decoder, random_prompts


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_rerun_is_a_whole_run_to_the_last_bit(family: str, attention: str):
    decoder: Decoder = random_decoder(family)
    batch = decoder.batch(random_prompts())
    rows = torch.arange(len(batch.ids))
    with decoder.attention(attention), torch.no_grad():  # pyright: ignore[reportArgumentType]
        rerun = Rerun(decoder, batch)
        assert torch.equal(rerun.final, decoder.run(batch))
        for layer in decoder.layout.layers:
            assert torch.equal(rerun.from_layer(layer.index), rerun.final)
            for site in SITES:
                values = torch.linspace(-1, 1, decoder.width).repeat(len(rows), 1)
                with patching(decoder, Patch(site, layer.index, rows, batch.last, values)):
                    again, whole = rerun.from_layer(layer.index), decoder.run(batch)
                assert torch.equal(again, whole)
                assert not torch.equal(again, rerun.final)


def test_forwards_are_counted():
    decoder = random_decoder()
    batch = decoder.batch(random_prompts(3))
    before = decoder.forwards
    rerun = Rerun(decoder, batch)
    rerun.from_layer(2)
    rerun.one_layer(1)
    assert decoder.forwards - before == 9
