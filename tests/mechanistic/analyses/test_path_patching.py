"""Path patching against its definition, spelled out with every other part frozen."""

from contextlib import ExitStack
from typing import Any

import pytest
import torch

from misfire.errors import InputError
from misfire.mechanistic.analyses.path_patching import path_patch, path_table, sent_change
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.head_names import Head, parse_heads
from misfire.mechanistic.model.hooks import ablating, capturing, first, hooked, with_first
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.organisms.trained import random_weights
from misfire.mechanistic.probed_pairs import Probed, ProbedPair
from misfire.mechanistic.selection import probe_pairs
from misfire.mechanistic.session import Session
from tests.mechanistic.families import random_decoder, random_prompts


def test_a_planted_head_acts_on_the_logits_directly(unread: Organism, unread_session: Session):
    planted = parse_heads(unread.truth.decoys)
    table = path_table(path_patch(unread_session, planted))
    assert [table["sender"][0], table["receiver"][0]] == [str(planted[0]), "logits"]
    assert table.loc[0, "share"] == pytest.approx(1, abs=0.02)
    assert table["share"].iloc[1:].abs().max() < 0.01
    noising = path_table(path_patch(unread_session, planted, direction="noising"))
    assert noising.loc[0, "share"] == pytest.approx(1, abs=0.02)


@torch.no_grad()
def by_definition(
    organism_decoder: Any, probed: Probed, one: ProbedPair, sender: Head, receiver: str, at: int
) -> float:
    """The sender's output is the other half's.

    All attention and MLP outputs are frozen but the receiver's and those behind it.
    """
    decoder = organism_decoder
    own_batch, other_batch = (decoder.batch([one.prompts[half].ids]) for half in ("stereotyped", "contrast"))
    with capturing(decoder, z=True) as theirs:
        decoder.run(other_batch)
    with capturing(decoder, z=True, sites=["attention", "mlp"]) as own:
        decoder.run(own_batch)
    layer = decoder.layout.layers[sender.layer]
    cut = slice(sender.index * layer.head_dim, (sender.index + 1) * layer.head_dim)
    z = own.z[sender.layer].clone()
    z[..., cut] = theirs.z[sender.layer][..., cut]
    sent = layer.out_proj(z)

    def run(change_sender: bool, replaced: torch.Tensor | None) -> torch.Tensor:
        """A run with outputs frozen.

        It gives what the receiver gives, or the logit difference once that is replaced.
        """
        found: list[torch.Tensor] = []

        def freeze(kind: str, index: int) -> Any:
            def hook(_: Any, __: Any, output: Any) -> Any:
                is_receiver = kind == receiver and index == at
                behind = receiver != "logits" and (
                    index > at or (index == at and receiver == "attention" and kind == "mlp")
                )
                if is_receiver and replaced is None:
                    found.append(first(output))
                    return output
                if is_receiver and replaced is not None:
                    return with_first(output, replaced)
                if change_sender and kind == "attention" and index == sender.layer:
                    return with_first(output, sent)
                return output if behind else with_first(output, own.at(kind)[index])  # pyright: ignore[reportArgumentType]

            return hook

        with ExitStack() as stack:
            for part in decoder.layout.layers:
                stack.enter_context(
                    hooked([part.mixer.register_forward_hook(freeze("attention", part.index))])
                )
                stack.enter_context(hooked([part.mlp.register_forward_hook(freeze("mlp", part.index))]))
            difference = decoder.difference(decoder.run(own_batch), probed.answers)
        return found[0] if found else difference

    if receiver == "logits":
        return float(run(True, None))
    return float(run(False, run(True, None)))


def a_random_model_that_fails() -> tuple[Decoder, Probed, ProbedPair]:
    """The first of some random models that happens to misfire on a pair whose halves are of one length."""
    for seed in range(30):
        made = random_weights(seed)
        try:
            probed = probe_pairs(made.decoder, made.pairs, per_group=8)
        except InputError:
            continue
        for one in probed.of("failure"):
            if len({len(prompt.ids) for prompt in one.prompts.values()}) == 1:
                return made.decoder, probed, one
    raise AssertionError("no random model misfires")


def test_every_path_effect_follows_its_definition():
    # given a model whose parts all matter, and pairs whose halves are of one length
    decoder, probed, one = a_random_model_that_fails()
    sender = Head(0, 1)
    frame = path_patch(Session(decoder, probed), [sender])
    own = frame[frame["pair"] == one.pair.id]
    assert set(own["tokens"]) == {"all"}
    compared = 0
    for row in own.to_dict("records"):
        expected = by_definition(decoder, probed, one, sender, row["receiver"], row["layer"])
        assert row["patched"] == pytest.approx(expected, abs=1e-4), row
        compared += 1
    assert compared == 3 + 2 + 1  # MLPs of three layers, attention of two, the logits


def test_an_unknown_sender_is_refused(session: Session):
    with pytest.raises(InputError, match="no L9H9"):
        path_patch(session, [Head(9, 9)])


def test_gemma_s_norm_behind_the_projection_is_counted():
    # given Gemma-3, whose attention output is normed before it is added
    decoder = random_decoder("gemma3")
    batch = decoder.batch(random_prompts(1, lengths=(12, 13)))
    layer = decoder.layout.layers[3]
    with torch.no_grad(), capturing(decoder, z=True, sites=["attention"]) as own:
        decoder.run(batch)
    # when another output of a head is 0
    with torch.no_grad():
        change = sent_change(layer, Head(3, 1), own, torch.zeros_like(own.z[3]))
        with ablating(decoder, [Head(3, 1)]), capturing(decoder, sites=["attention"]) as ablated:
            decoder.run(batch)
    # then the change is that between the normed outputs
    norm = layer.block.post_attention_layernorm
    with torch.no_grad():
        expected = norm(ablated.attention[3]) - norm(own.attention[3])  # pyright: ignore[reportCallIssue]
        torch.testing.assert_close(change, expected, atol=1e-5, rtol=0)
