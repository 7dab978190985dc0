"""Attention of the last token to the two people and the evidence, by head: failures and controls compared."""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from misfire.mechanistic.inference import codes
from misfire.mechanistic.model.batching import chunks
from misfire.mechanistic.model.decoder import Batch, Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import hooked
from misfire.mechanistic.prompts import ProbePrompt
from misfire.mechanistic.session import Session
from misfire.scorers.statistics import NAN, benjamini_hochberg

if TYPE_CHECKING:
    import pandas as pd


def spans(prompt: ProbePrompt) -> Mapping[str, list[int]]:
    """Return the tokens of each span; empty if a prompt has none.

    The spans are the mentions of each of the two people, the rest of the passage, and the rest of the
    question.
    """
    named: dict[str, list[int]] = {
        person: [
            token
            for mention in prompt.mentions
            if mention.person == person
            for token in range(mention.start, mention.stop)
        ]
        for person in ("stereotyped", "contrast")
    }
    return named | {"evidence": list(prompt.evidence), "question": list(prompt.question)}


def attention_to_spans(session: Session) -> "pd.DataFrame":
    """Measure the attention from the last token to each span, by head, with eager attention.

    Args:
        session: The model and its pairs. Layers with linear attention have no attention weights and are left
            out.

    Returns:
        A row for each (pair, half, head, span): ``layer``, ``head``, ``span``, and ``mass``, the sum of the
        weights on the span. The mass is NaN, and not 0, if a prompt has no such span.
    """
    import pandas as pd

    decoder, halves = session.decoder, session.halves
    lengths = [len(one.ids) for one in halves]
    rows: list[dict[str, Any]] = []
    # the attention weights of all heads and token pairs are in memory for one layer at a time
    for chunk in chunks(lengths, max(lengths) * max(decoder.layout.shape), 2, 4, session.budget):
        own = [halves[index] for index in chunk]
        found = _last_token_weights(decoder, decoder.batch([one.ids for one in own]))
        for place, one in enumerate(own):
            for span, tokens in spans(one.pair.prompts[one.half]).items():
                for layer, weights in found.items():
                    masses = weights[place][:, tokens].sum(1).tolist() if tokens else [NAN] * weights.shape[1]
                    labels = {**one.pair.labels, "half": one.half, "layer": layer, "span": span}
                    rows += [{**labels, "head": head, "mass": mass} for head, mass in enumerate(masses)]
    return pd.DataFrame(rows)


@torch.no_grad()
def _last_token_weights(decoder: Decoder, batch: Batch) -> dict[int, Tensor]:
    """Return the attention weights of the last token for each layer with softmax attention.

    The shape of each is (prompts, heads, tokens).
    """
    found: dict[int, Tensor] = {}

    def keep(index: int) -> Callable[..., None]:
        def hook(_: nn.Module, __: object, output: tuple[Tensor, Tensor]) -> None:
            weights = output[1]
            at = torch.arange(len(weights), device=weights.device)
            found[index] = weights[at, :, batch.last.to(weights.device)].float().cpu()

        return hook

    layers = [layer for layer in decoder.layout.layers if layer.kind == "attention"]
    with (
        decoder.attention("eager"),
        hooked([layer.mixer.register_forward_hook(keep(layer.index)) for layer in layers]),
    ):
        decoder.run(batch)
    return found


def attention_table(frame: "pd.DataFrame", *, draws: int = 2000, seed: int = 1) -> "pd.DataFrame":
    """Compare failures with controls on stereotyped halves: which heads attend to other spans.

    Mirrors are left out.

    Args:
        frame: Output of ``attention_to_spans``.
        draws: Number of permutations of the groups, by scenario.
        seed: Random seed for the permutations.

    Returns:
        A row for each (head, span): ``failure`` and ``control`` (mean mass), ``difference``, ``p`` (two-sided
        permutation test of the groups of pairs; scenarios with one group move as a whole) and ``q``
        (Benjamini–Hochberg over all rows); NaN without controls.
    """
    import pandas as pd

    own = frame[
        (frame["half"] == "stereotyped") & frame["mass"].notna() & frame["group"].isin(("failure", "control"))
    ]
    wide = own.pivot_table(
        index=["pair", "scenario", "group"], columns=["layer", "head", "span"], values="mass"
    ).reset_index()
    groups = wide["group"].to_numpy(str)
    values = wide.sort_index(axis=1).drop(columns=["pair", "scenario", "group"], level=0)
    matrix, columns = values.to_numpy(float), values.columns
    failure = groups == "failure"
    # a scenario whose pairs all have the same group moves as a whole; pairs of mixed scenarios move
    # separately
    units = _units(wide["scenario"].tolist(), failure.tolist())
    labels = np.array([failure[units == unit][0] for unit in range(int(units.max()) + 1)])
    draw = np.random.default_rng(seed)
    difference = _difference(matrix, failure)
    hits = np.zeros(matrix.shape[1])
    for _ in range(draws):
        # permute the groups of units, then give every pair the group of its unit
        hits += np.abs(_difference(matrix, draw.permutation(labels)[units])) >= np.abs(difference) - 1e-12
    p = np.where(np.isnan(difference), NAN, (1 + hits) / (1 + draws))
    rows = [
        {
            "layer": int(layer),
            "head": int(head),
            "name": str(Head(int(layer), int(head))),
            "span": span,
            "failure": float(_means(matrix[failure, place])),
            "control": float(_means(matrix[~failure, place])),
            "difference": float(difference[place]),
            "p": float(p[place]),
        }
        for place, (layer, head, span) in enumerate(columns)
    ]
    table = pd.DataFrame(rows)
    table["q"] = benjamini_hochberg(table["p"].tolist())
    return table


def _difference(matrix: "np.ndarray[Any, Any]", failure: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    return _means(matrix[failure]) - _means(matrix[~failure])


def _means(matrix: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Return the mean over the first axis of entries that are numbers; NaN without any."""
    known = ~np.isnan(matrix)
    totals, counts = np.where(known, matrix, 0.0).sum(0), known.sum(0)
    return np.divide(totals, counts, out=np.full(np.shape(totals), NAN), where=counts > 0)


def _units(scenarios: list[str], failure: list[bool]) -> "np.ndarray[Any, Any]":
    mixed = {
        scenario
        for scenario in scenarios
        if len({fails for own, fails in zip(scenarios, failure, strict=True) if own == scenario}) > 1
    }
    return codes([(scenario, place if scenario in mixed else -1) for place, scenario in enumerate(scenarios)])
