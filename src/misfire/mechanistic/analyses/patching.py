"""Activation patching between the halves of a pair.

The methods are those of Meng et al. (2022) and Heimersheim and Nanda (2024, arXiv 2404.15255). *Denoising*
runs the stereotyped half with one activation of the contrast half. *Noising* runs the contrast half with one
activation of the stereotyped half. Recovery is (patched − own) / (other − own) of the margins, a ratio of
means over pairs. It is 1 if the activation alone carries the difference. At the last token, the residual
stream after the last layer is the answer, so its recovery is 1 by construction. Such rows are marked and
excluded from peaks.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from misfire.mechanistic.analyses.both_halves import (
    BothHalves,
    Direction,
    Pairs,
    pair_chunks,
    patched_rows,
    run_half,
)
from misfire.mechanistic.inference import ratio_of_means
from misfire.mechanistic.model.hooks import SITES, Patch, Site, patching
from misfire.mechanistic.model.layouts import Layer
from misfire.mechanistic.probed_pairs import GROUPS, Group
from misfire.mechanistic.prompts import ProbePrompt
from misfire.mechanistic.session import Session
from misfire.scorers.statistics import NAN

if TYPE_CHECKING:
    import pandas as pd

Where = Literal["last", "mentions"]
"""Tokens at which activations are patched: the last one, or all tokens that name one of the two people."""

WHERES: tuple[Where, ...] = ("last", "mentions")
DIRECTIONS: tuple[Direction, ...] = ("denoising", "noising")


def aligned_tokens(source: ProbePrompt, target: ProbePrompt, where: Where) -> list[tuple[int, int]] | None:
    """Match tokens of one half to tokens of the other.

    Args:
        source: The half that activations are taken from.
        target: The half that receives them.
        where: ``last`` matches the last tokens. ``mentions`` matches the n-th mention of a person in one half
            to the n-th in the other, token by token from the last one backward. If the target's mention is
            longer, its remaining tokens get the first token of the source's mention.

    Returns:
        Tuples (source token, target token); None if the halves do not mention people equally often, or never.
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


def patched_layers(session: Session, sites: Sequence[Site]) -> int:
    """Return the number of layers whose activations are kept, as ``pair_chunks`` counts them."""
    return len(session.decoder.layout.layers) * (len(sites) + 1) // 2 + 1


def patch_all(
    session: Session,
    *,
    sites: Sequence[Site] = SITES,
    wheres: Sequence[Where] = WHERES,
    groups: Sequence[Group] = GROUPS,
) -> "pd.DataFrame":
    """Patch every layer, site and location, in both directions.

    Args:
        session: The model and its pairs. The store keeps one piece for each chunk of pairs, direction and
            layer.
        sites: Which activations to patch.
        wheres: Tokens at which to patch.
        groups: Groups of pairs to patch.

    Returns:
        A row for each (pair, direction, site, where, layer): the pair's columns, ``own`` and ``other`` (clean
        margins), ``patched`` (NaN where a pair's mentions cannot be aligned), and ``by_construction``.
    """
    layers = session.decoder.layout.layers
    pairs = [one for one in session.probed.pairs if one.group in groups]

    def clean(pairs: Pairs) -> BothHalves:
        source = run_half(session, pairs, pairs.source, sites=sites)
        return BothHalves(source, run_half(session, pairs, pairs.target))

    def measure(pairs: Pairs, runs: BothHalves, layer: Layer) -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame(
            [
                row
                for where in wheres
                for site in sites
                for row in _patched(session, pairs, runs, _Place(site, where, layer.index))
            ]
        )

    return session.run_interventions(
        pair_chunks(session, pairs, DIRECTIONS, patched_layers(session, sites)),
        layers,
        clean=clean,
        measure=measure,
        piece=lambda pairs, layer: f"patching-{pairs.direction}-L{layer.index}-C{pairs.number}",
    )


@dataclass(frozen=True)
class _Place:
    """Location of a patch."""

    site: Site
    where: Where
    layer: int


def _patched(session: Session, pairs: Pairs, runs: BothHalves, place: _Place) -> list[dict[str, Any]]:
    """Return the rows of the target half of some pairs, with one site of one layer patched at some tokens."""
    prompts = zip(runs.source.prompts, runs.target.prompts, strict=True)
    aligned = [aligned_tokens(source, target, place.where) for source, target in prompts]
    # one row for each patched token: the index of its prompt, the source token, the target token
    places = [(row, a, b) for row, tokens in enumerate(aligned) for a, b in tokens or ()]
    row, taken, put = torch.tensor(places, dtype=torch.long).reshape(-1, 3).T
    values = runs.source.captured.at(place.site)[place.layer]
    values = values[row.to(values.device), taken.to(values.device)]
    found = runs.target.difference
    if places:
        with patching(session.decoder, Patch(place.site, place.layer, row, put, values)):
            again = runs.target.rerun.from_layer(place.layer)
        found = session.decoder.difference(again, session.probed.answers)
    last = place.layer == len(session.decoder.layout.layers) - 1
    labels = {"direction": pairs.direction, "site": place.site, "where": place.where, "layer": place.layer}
    fixed = {"by_construction": last and place.site == "residual" and place.where == "last"}
    unaligned = {"patched": NAN}
    return patched_rows(
        pairs, runs, found, labels, [fixed if tokens is not None else unaligned | fixed for tokens in aligned]
    )


def recovery_table(
    frame: "pd.DataFrame", *, group: str = "failure", seed: int = 1, draws: int = 500
) -> "pd.DataFrame":
    """Compute recovery by direction, site, location and layer, and its increments by layer.

    Intervals resample scenarios.

    Args:
        frame: Output of ``patch_all``.
        group: The group of pairs to use.
        seed: Random seed.
        draws: Number of bootstrap draws.

    Returns:
        A row for each (direction, site, where, layer): ``recovery``, ``ci_lower``, ``ci_upper``,
        ``increment`` (over the previous layer, or over 0 for the first), ``by_construction``, ``pairs``
        (number of aligned pairs), ``left_out`` (number of the others).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for (direction, site, where), own in frame[frame["group"] == group].groupby(
        ["direction", "site", "where"], sort=False
    ):
        before = 0.0
        for layer, here in own.groupby("layer"):
            kept = here[here["patched"].notna()]
            if kept.empty:
                continue
            gained, possible = ((kept[name] - kept["own"]).to_numpy(float) for name in ("patched", "other"))
            value, lower, upper = ratio_of_means(
                gained, possible, kept["scenario"].tolist(), draws=draws, seed=seed
            )
            row: dict[str, Any] = {"direction": direction, "site": site, "where": where, "layer": layer}
            row |= {"recovery": value, "ci_lower": lower, "ci_upper": upper}
            row |= {"increment": value - before, "by_construction": bool(kept["by_construction"].iloc[0])}
            rows.append(row | {"pairs": len(kept), "left_out": len(here) - len(kept)})
            before = value
    return pd.DataFrame(rows)
