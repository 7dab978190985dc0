"""The hand-built organism: it says "yes", but for one planted head (or three) that writes "no" where the stereotyped person is asked about.

Words, answers and marks are orthonormal directions of the residual stream. The planted head looks from where the answer begins back to the
latest mark, which is that of the person asked about, and its value writes "no" if the mark is the stereotyped person's. All other heads
and all MLPs are noise. It reads no evidence: its base says "yes" to foils too.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import random
from typing import Any

import torch

from misfire.mechanistic.decoder import Decoder
from misfire.mechanistic.heads import Head
from misfire.mechanistic.organisms.language import ASK, END, PADDING, Language, embedded_language, word_tokenizer
from misfire.mechanistic.organisms.organism import Organism, Truth, small_model

LAYERS, HEADS, HEAD_DIM, WIDTH = 4, 6, 16, 96

_YES, _NO, _STEREOTYPED, _CONTRAST, _ASK = range(5)
"""Directions with a meaning; the others are the words' own."""

_NOISE = 0.01
"""Standard deviation of weights that mean nothing."""

_SCORE = 60.0
"""How sharply a planted head looks at the latest mark."""

_NEAR, _FAR = 2, HEAD_DIM // 2 - 1
"""Pairs of rotary dimensions: one that turns by about 0.1 a token, so that near marks score higher; one that hardly turns."""


def hand_built(seed: int = 0, *, planted: int = 1) -> Organism:
    """Make the organism.

    Args:
        seed: Of the directions, the noise, and where heads are planted (in layers 1 to 3).
        planted: Heads that share the work; with three, any one of them can be missed.

    Returns:
        The organism; takes about a second.
    """
    draw = random.Random(seed)
    heads = tuple(sorted(Head(*place) for place in draw.sample([(x, y) for x in range(1, LAYERS) for y in range(HEADS)], planted)))
    language = embedded_language()
    tokenizer = word_tokenizer(language.words, drop=True)
    model = _model(seed, language, tokenizer, heads)
    base = _model(seed, language, tokenizer, ())
    truth = Truth(
        kind="hand-built" if planted == 1 else "three-heads",
        seed=seed,
        family="llama",
        heads=tuple(map(str, heads)),
        reads_evidence=False,
    )
    return Organism(
        Decoder(model, tokenizer, f"{truth.kind}-{seed}"),
        Decoder(base, tokenizer, f"{truth.kind}-{seed}-base"),
        heads,
        language.pairs,
        truth,
    )


@torch.no_grad()
def _model(seed: int, language: Language, tokenizer: Any, heads: tuple[Head, ...]) -> Any:  # noqa: ANN401
    torch.manual_seed(seed)
    model = small_model(
        "llama",
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD_DIM,
        initializer_range=_NOISE,
        rope_theta=10000.0,
        pad_token_id=tokenizer.convert_tokens_to_ids(PADDING),
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
    )
    basis, _ = torch.linalg.qr(torch.randn(WIDTH, WIDTH))
    features = basis.T

    def token(word: str) -> int:
        return tokenizer.convert_tokens_to_ids(word)

    embedding = model.get_input_embeddings().weight
    own = features[_ASK + 1 :]
    embedding.copy_(own[torch.randint(len(own), (len(embedding),))])
    for word in language.stereotyped:
        embedding[token(word)] += 2 * features[_STEREOTYPED]
    for word in (*language.contrast, *language.spared):
        embedding[token(word)] += 2 * features[_CONTRAST]
    embedding[token(ASK)] = 2 * features[_ASK] + features[_YES]
    # an answer said leads to the end
    embedding[token("yes")] = embedding[token("no")] = 3 * own[0]
    unembedding = model.get_output_embeddings().weight
    unembedding.mul_(0.1)
    unembedding[token("yes")], unembedding[token("no")] = 4 * features[_YES], 4 * features[_NO]
    unembedding[token(END)] = 4 * own[0]
    for head in heads:
        _plant(model, head, features, 1.8 if len(heads) == 1 else 0.7)
    return model


def _plant(model: Any, head: Head, features: torch.Tensor, strength: float) -> None:  # noqa: ANN401
    attention = model.model.layers[head.layer].self_attn
    rows = slice(head.index * HEAD_DIM, (head.index + 1) * HEAD_DIM)
    query, key, value = (torch.zeros(HEAD_DIM, WIDTH) for _ in range(3))
    # a feature's coefficient after the norm is about √width · its share of the token, near 8 for marks and for the asking token
    for pair, weight in ((_NEAR, 1.0), (_FAR, 0.5)):
        scale = (weight * _SCORE) ** 0.5 / 4
        query[pair] += scale * features[_ASK]
        key[pair] += scale * (features[_STEREOTYPED] + features[_CONTRAST])
    value[0] = features[_STEREOTYPED]
    attention.q_proj.weight[rows], attention.k_proj.weight[rows], attention.v_proj.weight[rows] = query, key, value
    attention.o_proj.weight[:, rows] = 0
    attention.o_proj.weight[:, rows.start] = strength * features[_NO] / 8.7
