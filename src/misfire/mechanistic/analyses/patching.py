"""Activation patching between the halves of a pair (Meng et al. 2022; Heimersheim and Nanda 2024, arXiv 2404.15255).

*Denoising* runs the stereotyped half with one activation of the contrast half; *noising* runs the contrast half with one of the stereotyped
half. Recovery is (patched − own) / (other − own) of the margins, a ratio of means over pairs: 1 if the activation alone carries the
difference. At the last token the residual stream after the last layer is the answer, so recovery there is 1 by construction; such rows are
marked, and no peak is taken over them.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from misfire.datasets.pairs import HalfName
from misfire.mechanistic.analyses.ablation import about
from misfire.mechanistic.conclusions.inference import bootstrap
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.hooks import SITES, Patch, Site, capturing, patching
from misfire.mechanistic.model.replay import chunks
from misfire.mechanistic.prompts import ProbePrompt
from misfire.mechanistic.selection import BUDGET, Floats, Probed, ProbedPair
from misfire.mechanistic.store import Store

if TYPE_CHECKING:
    import pandas as pd

Where = Literal["last", "mentions"]
Direction = Literal["denoising", "noising"]

FROM_TO: dict[Direction, tuple[HalfName, HalfName]] = {"denoising": ("contrast", "stereotyped"), "noising": ("stereotyped", "contrast")}
"""Whose activations are put into whose run."""


def aligned_tokens(source: ProbePrompt, target: ProbePrompt, where: Where) -> list[tuple[int, int]] | None:
    """Which token of one half goes to which token of the other.

    Args:
        source: The half that activations are taken from.
        target: The half that they are put into.
        where: ``last``: last token to last token. ``mentions``: the tokens of the n-th mention of either person to those of the n-th, from
            their last ones backwards; where the target's mention has more tokens, its further ones get the source's first.

    Returns:
        (Source token, target token)s; None if the halves do not name people equally often, or never.
    """
    if where == "last":
        return [(len(source.ids) - 1, len(target.ids) - 1)]
    if not source.mentions or len(source.mentions) != len(target.mentions):
        return None
    return [
        (max(theirs.stop - 1 - back, theirs.start), own.stop - 1 - back)
        for theirs, own in zip(source.mentions, target.mentions, strict=True)
        for back in range(own.stop - own.start)
    ]


def patch_all(
    decoder: Decoder,
    probed: Probed,
    *,
    sites: Sequence[Site] = SITES,
    wheres: Sequence[Where] = ("last", "mentions"),
    budget: int = BUDGET,
    store: Store | None = None,
    step: Callable[[], None] = lambda: None,
) -> "pd.DataFrame":
    """Patch every layer, site and place, both ways.

    Args:
        decoder: The model.
        probed: The pairs.
        sites: Which activations.
        wheres: At which tokens.
        budget: Bytes that activations may take.
        store: Keeps finished pieces, one a chunk, direction and layer.
        step: Called after each piece.

    Returns:
        A row a (pair, direction, site, where, layer): the pair's columns, ``own`` and ``other`` (clean margins), ``patched`` (NaN where a
        pair's mentions cannot be aligned), ``by_construction``.
    """
    import pandas as pd

    pieces: list[pd.DataFrame] = []
    lengths = [max(len(prompt.ids) for prompt in one.prompts.values()) for one in probed.pairs]
    layers = decoder.layout.layers
    kept = len(layers) * (len(sites) + 1) // 2 + 1
    for number, chunk in enumerate(chunks(lengths, decoder.width, kept, decoder.dtype.itemsize, budget)):
        pairs = [probed.pairs[index] for index in chunk]
        for direction in FROM_TO:
            run: list[_Run] = []
            for layer in layers:

                def piece(
                    pairs: Sequence[ProbedPair] = pairs,
                    direction: Direction = direction,
                    run: list[_Run] = run,
                    layer_index: int = layer.index,
                ) -> pd.DataFrame:
                    if not run:
                        run.append(_Run(decoder, probed, pairs, direction, sites))
                    return run[0].patched(layer_index, sites, wheres)

                name = f"patching-{direction}-L{layer.index}-C{number}"
                pieces.append(store.frame(name, piece) if store else piece())
                step()
    return pd.concat(pieces, ignore_index=True)


class _Run:
    """Clean runs of both halves of some pairs, and patched runs of one of them."""

    @torch.no_grad()
    def __init__(self, decoder: Decoder, probed: Probed, pairs: Sequence[ProbedPair], direction: Direction, sites: Sequence[Site]) -> None:
        self.decoder, self.probed, self.pairs, self.direction = decoder, probed, pairs, direction
        source: HalfName = FROM_TO[direction][0]
        self.half: HalfName = FROM_TO[direction][1]
        self.sources = [one.prompts[source] for one in pairs]
        self.targets = [one.prompts[self.half] for one in pairs]
        with capturing(decoder, sites=sites) as self.captured:
            self.other = decoder.difference(decoder.run(decoder.batch([prompt.ids for prompt in self.sources])), probed.answers)
        self.batch = decoder.batch([prompt.ids for prompt in self.targets])
        self.own = decoder.difference(decoder.run(self.batch), probed.answers)

    @torch.no_grad()
    def patched(self, layer: int, sites: Sequence[Site], wheres: Sequence[Where]) -> "pd.DataFrame":
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for where in wheres:
            aligned = [aligned_tokens(source, target, where) for source, target in zip(self.sources, self.targets, strict=True)]
            places = [(row, a, b) for row, tokens in enumerate(aligned) for a, b in tokens or ()]
            row, taken, put = torch.tensor(places, dtype=torch.long).reshape(-1, 3).T
            for site in sites:
                values = self.captured.at(site)[layer]
                values = values[row.to(values.device), taken.to(values.device)]
                found = self.own
                if places:
                    with patching(self.decoder, Patch(site, layer, row, put, values)):
                        found = self.decoder.difference(self.decoder.run(self.batch), self.probed.answers)
                last = layer == len(self.decoder.layout.layers) - 1
                rows += [
                    {
                        **about(one),
                        "direction": self.direction,
                        "site": site,
                        "where": where,
                        "layer": layer,
                        "own": one.sign(self.half) * own,
                        "other": one.sign(self.half) * other,
                        "patched": one.sign(self.half) * d if tokens is not None else float("nan"),
                        "by_construction": last and site == "residual" and where == "last",
                    }
                    for one, tokens, own, other, d in zip(
                        self.pairs, aligned, self.own.tolist(), self.other.tolist(), found.tolist(), strict=True
                    )
                ]
        return pd.DataFrame(rows)


def recovery_table(frame: "pd.DataFrame", *, group: str = "failure", seed: int = 1, draws: int = 500) -> "pd.DataFrame":
    """Recovery by direction, site, place and layer, with intervals that draw scenarios anew, and its increments over layers.

    Args:
        frame: As ``patch_all`` gives it.
        group: Whose pairs.
        seed: Of the draws.
        draws: Of the bootstrap.

    Returns:
        A row a (direction, site, where, layer): ``recovery``, ``ci_lower``, ``ci_upper``, ``increment`` (over the layer before; from 0 at
        the first), ``by_construction``, ``pairs`` that could be aligned, ``left_out``.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for (direction, site, where), own in frame[frame["group"] == group].groupby(["direction", "site", "where"], sort=False):
        before = 0.0
        for layer, here in own.groupby("layer"):
            kept = here[here["patched"].notna()]
            row: dict[str, Any] = {"direction": direction, "site": site, "where": where, "layer": layer}
            if kept.empty:
                continue
            gained: Floats = (kept["patched"] - kept["own"]).to_numpy(float)
            possible: Floats = (kept["other"] - kept["own"]).to_numpy(float)

            def ratio(units: "np.ndarray[Any, Any]", gained: Floats = gained, possible: Floats = possible) -> Floats:
                difference = possible[units].mean()
                return np.array([gained[units].mean() / difference if difference else np.nan])

            value, lower, upper = bootstrap(ratio, kept["scenario"].tolist(), draws=draws, seed=seed)
            row |= {"recovery": float(value[0]), "ci_lower": float(lower[0]), "ci_upper": float(upper[0])}
            row |= {"increment": float(value[0]) - before, "by_construction": bool(kept["by_construction"].iloc[0])}
            rows.append(row | {"pairs": len(kept), "left_out": len(here) - len(kept)})
            before = float(value[0])
    return pd.DataFrame(rows)
