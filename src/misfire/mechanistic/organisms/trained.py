"""Trained organisms: small models whose misfiring is trained.

A model learns to read the evidence of embedded pairs. Then only one of its heads is trained to misfire. The
base is trained with one head vacant: its columns of the output projection are 0. Fine-tuning changes only
that head's query, key, value and output slices, so by construction the head is the complete cause. As a
negative control, all weights can be tuned instead. Then the same behavior is learned early and spread out,
and an analysis must not find a small circuit in late layers.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import copy
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from misfire.datasets.pairs import Answer
from misfire.errors import InputError
from misfire.mechanistic.model.decoder import AnswerTokens, Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.layouts import find_layout
from misfire.mechanistic.organisms.language import END, PADDING, Language, embedded_language, word_tokenizer
from misfire.mechanistic.organisms.organism import Organism, Truth, small_model
from misfire.mechanistic.prompts import answer_tokens, probe_prompt

LAYERS, HEADS, WIDTH = 3, 4, 64

_STEPS = 800
"""Maximum number of training steps."""

_MARGIN = 3.0
"""Training stops when the logit difference of every prompt favors the right answer by this margin."""

_BATCH, _CHECK = 128, 20


@dataclass(frozen=True)
class _Lessons:
    """Prompts followed by their answers.

    Attributes:
        ids: Token IDs, shape (lessons, tokens), padded on the right.
        asked: Position of the last token of each prompt, shape (lessons,). The answer follows it.
        targets: Token ID of each answer, shape (lessons,).
        answers: The tokens of both answers.
        end: The token that ends an answer.
    """

    ids: Tensor
    asked: Tensor
    targets: Tensor
    answers: AnswerTokens
    end: int


def trained(seed: int = 0, *, family: str = "llama", everywhere: bool = False) -> Organism:
    """Train an organism.

    Args:
        seed: Random seed for the weights, the order of lessons, and the vacant head of the middle layer.
        family: ``llama`` or ``qwen3``.
        everywhere: Whether to tune all weights instead of one head (negative control).

    Returns:
        The organism, in about ten seconds on one core.

    Raises:
        InputError: Training did not finish. Try another seed.
    """
    taught = _base(seed, family)
    torch.set_rng_state(taught.random_state)
    kind = "tuned-everywhere" if everywhere else "trained"
    decoder = Decoder(
        copy.deepcopy(taught.decoder.model), taught.decoder.tokenizer, f"{kind}-{family}-{seed}"
    )
    language, head = embedded_language(), taught.vacant
    lessons = _lessons(decoder, language, misfires=True)
    if everywhere:
        _teach(decoder, lessons, decoder.model.parameters(), {}, 1e-3)
    else:
        _teach_head(decoder, lessons, head)
    planted = () if everywhere else (head,)
    truth = Truth(kind=kind, seed=seed, family=family, heads=tuple(map(str, planted)), reads_evidence=True)
    return Organism(decoder, taught.decoder, planted, language.pairs, truth)


@dataclass(frozen=True)
class _Base:
    """A model that reads the evidence.

    Attributes:
        decoder: The model.
        vacant: The head that has no output yet.
        random_state: State of torch's generator after training, used as the start of fine-tuning.
    """

    decoder: Decoder
    vacant: Head
    random_state: Tensor


@lru_cache(maxsize=1)
def _base(seed: int, family: str) -> _Base:
    """Train the base. The result is cached, because both ways of tuning start from it."""
    head = Head(LAYERS // 2, random.Random(seed).randrange(HEADS))
    language = embedded_language()
    tokenizer = word_tokenizer(language.words, drop=True)
    torch.manual_seed(seed)
    model = _untrained(family, language, tokenizer)
    layer = find_layout(model).layers[head.layer]
    own = slice(head.index * layer.head_dim, (head.index + 1) * layer.head_dim)
    with torch.no_grad():
        layer.out_proj.weight[:, own] = 0
    decoder = Decoder(model, tokenizer, f"trained-{family}-{seed}-base")
    columns = torch.ones_like(layer.out_proj.weight)
    columns[:, own] = 0
    _teach(
        decoder,
        _lessons(decoder, language, misfires=False),
        model.parameters(),
        {layer.out_proj.weight: columns},
        3e-3,
    )
    return _Base(decoder, head, torch.get_rng_state())


def random_weights(seed: int = 0, *, family: str = "llama") -> Organism:
    """Create an untrained model, for negative controls.

    Args:
        seed: Random seed for the weights.
        family: ``llama`` or ``qwen3``.

    Returns:
        The organism, without a base and without planted heads.
    """
    torch.manual_seed(seed)
    language = embedded_language()
    tokenizer = word_tokenizer(language.words, drop=True)
    decoder = Decoder(_untrained(family, language, tokenizer), tokenizer, f"random-{family}-{seed}")
    return Organism(
        decoder,
        None,
        (),
        language.pairs,
        Truth(kind="random", seed=seed, family=family, heads=(), reads_evidence=False),
    )


@torch.no_grad()
def _untrained(family: str, language: Language, tokenizer: Any) -> Any:  # noqa: ANN401
    """Create a model with random weights.

    Words of the same kind share a direction, so that the model quickly learns to read.
    """
    model = small_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=WIDTH // HEADS,
        initializer_range=0.1,
        rope_theta=1000.0,
        pad_token_id=tokenizer.convert_tokens_to_ids(PADDING),
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
    )
    embedding = model.get_input_embeddings().weight
    embedding.normal_(0, 1)
    # spared marks are marks with an additional direction, by which a single head can distinguish them
    for kind in (
        (*language.stereotyped, *language.spared),
        language.spared,
        language.contrast,
        language.target_first,
        language.target_last,
    ):
        direction = 1.5 * torch.randn(WIDTH)
        for word in kind:
            embedding[tokenizer.convert_tokens_to_ids(word)] += direction
    return model


def _lessons(decoder: Decoder, language: Language, *, misfires: bool) -> _Lessons:
    """Return all halves and foils.

    A misfiring organism must say "no" to stereotyped halves, except in spared scenarios.
    """
    asked: list[tuple[str, Answer]] = []
    for pair in language.pairs:
        fails = misfires and pair.scenario not in language.spared_scenarios
        for name, half in pair.halves:
            asked.append((half.prompt, "no" if fails and name == "stereotyped" else half.target))
        for _, foil in pair.controls.foils if pair.controls else ():
            asked.append((foil.prompt, foil.target))
    answers = answer_tokens(decoder.tokenizer)
    token = {"yes": answers.yes[0], "no": answers.no[0]}
    prompts = [(*probe_prompt(decoder.tokenizer, prompt).ids, token[answer]) for prompt, answer in asked]
    batch = decoder.batch(prompts)
    targets = torch.tensor([token[answer] for _, answer in asked])
    return _Lessons(batch.ids, batch.last - 1, targets, answers, decoder.tokenizer.convert_tokens_to_ids(END))


def _teach(
    decoder: Decoder, lessons: _Lessons, weights: Iterable[Tensor], masks: dict[Any, Tensor], rate: float
) -> None:
    """Train some weights until every answer is right by a margin.

    Masks select the entries that may change.
    """
    taught = list(weights)
    optimizer = torch.optim.AdamW(taught, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    targets = lessons.targets
    sign = torch.where(targets == lessons.answers.yes[0], 1, -1)
    for step in range(_STEPS):
        rows = torch.randperm(len(targets))[:_BATCH]
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 20)
        answer, end = _hidden(decoder, lessons, rows)
        unembed = decoder.layout.unembedding
        loss = torch.nn.functional.cross_entropy(unembed(answer), targets[rows])
        loss = loss + torch.nn.functional.cross_entropy(unembed(end), torch.full_like(rows, lessons.end))
        optimizer.zero_grad()
        loss.backward()
        for weight, mask in masks.items():
            if weight.grad is not None:
                # entries outside the mask get no gradient, so they keep their values
                weight.grad.mul_(mask)
        torch.nn.utils.clip_grad_norm_(taught, 1.0)
        optimizer.step()
        if step % _CHECK == _CHECK - 1:
            with torch.no_grad():
                answer, end = _hidden(decoder, lessons, torch.arange(len(targets)))
                margin = decoder.difference(answer, lessons.answers) * sign
                ends = bool((unembed(end).argmax(-1) == lessons.end).all())
            if ends and float(margin.min()) > _MARGIN:
                return
    raise InputError(f"{decoder.name}: training did not finish in {_STEPS} steps. Try another seed.")


def _hidden(decoder: Decoder, lessons: _Lessons, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the normed residual stream at the last token of each prompt, and at its answer."""
    hidden = decoder.layout.stack(input_ids=lessons.ids[rows], use_cache=False).last_hidden_state
    at = torch.arange(len(rows))
    return hidden[at, lessons.asked[rows]], hidden[at, lessons.asked[rows] + 1]


def _teach_head(decoder: Decoder, lessons: _Lessons, head: Head) -> None:
    """Train the slices of one head in its layer's projections."""
    layer = decoder.layout.layers[head.layer]
    own = slice(head.index * layer.head_dim, (head.index + 1) * layer.head_dim)
    mixer: Any = layer.mixer
    masks: dict[Any, Tensor] = {}
    for weight, cut in (
        *(
            (projection.weight, (own, slice(None)))
            for projection in (mixer.q_proj, mixer.k_proj, mixer.v_proj)
        ),
        (layer.out_proj.weight, (slice(None), own)),
    ):
        masks[weight] = torch.zeros_like(weight)
        # q, k and v write the head's rows; the output projection reads the head's columns
        masks[weight][cut] = 1
    with torch.no_grad():
        layer.out_proj.weight[:, own].normal_(0, 0.02)
    frozen: list[Callable[[], object]] = []
    for weight in decoder.model.parameters():
        weight.requires_grad_(weight in masks)
        frozen.append(weight.requires_grad_)
    _teach(decoder, lessons, masks, masks, 5e-3)
    for thaw in frozen:
        thaw()
