"""How far margins fall between their peak in the logit lens and the end, and whether that is more than what is right falls too.

A margin that rises and falls over the layers does so in many models wherever one looks. It speaks of evidence that is overruled only if
stereotyped halves of failures fall further than the contrast halves of the same pairs and than controls. That alone is not enough: failures
are chosen by how they end, so their stereotyped halves end low and their contrast halves high in a model that knows nothing of groups too.
In such a model mirrored failures do the reverse as often, so over failures, mirrors and controls together, each weighted by how many
candidates it stands for, stereotyped halves fall no further than contrast halves. All margins here are raw: what the model itself goes by.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from misfire.datasets.pairs import HALF_NAMES, HalfName
from misfire.mechanistic.inference import Floats, by_cluster, codes, difference, folds, mean, mean_exceeds, sign_flip
from misfire.mechanistic.probed_pairs import FAILING
from misfire.scorers.statistics import NAN, Estimate, clustered_mean

if TYPE_CHECKING:
    import pandas as pd

Layers = npt.NDArray[np.int64]

VALUES = ("peak", "final", "drop", "gap_peak", "gap_final")
"""What is compared: see ``margins_at_peaks``."""


def margins_at_peaks(frame: "pd.DataFrame", *, seed: int = 1) -> "pd.DataFrame":
    """For each half of each pair its margin at the layer where stereotyped halves of failures peak, and at the end.

    The peak is the layer before the last at which the mean raw margin of the failures' stereotyped halves is largest. For the pairs of one
    half of the scenarios it is chosen on those of the other half, so that the choice raises nobody's peak. Likewise for the peak of the gap
    contrast − stereotyped of failures.

    Args:
        frame: As ``misfire.mechanistic.analyses.lens.lens`` gives it.
        seed: Of the halves.

    Returns:
        A row a (model, pair, half): ``model``, ``group``, ``pair``, ``scenario``, ``weight``, ``half``, ``peak_layer``, ``peak`` (the
        margin there), ``final`` (after the last layer), ``drop`` (peak − final), and the same of the pair: ``gap_layer``, ``gap_peak``,
        ``gap_final``.
        No row for models of one layer, or without failures.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for model, own in frame.groupby("model", sort=False):
        wide = {half: own[own["half"] == half].pivot(index="pair", columns="layer", values="margin") for half in HALF_NAMES}
        pairs = own.drop_duplicates("pair").set_index("pair").loc[wide["stereotyped"].index]
        margins = {half: wide[half].loc[pairs.index].to_numpy(float) for half in HALF_NAMES}
        failing = (pairs["group"] == "failure").to_numpy(bool)
        if margins["stereotyped"].shape[1] < 2 or not failing.any():
            continue
        side = folds(pairs["scenario"].tolist(), seed=seed)
        gap = margins["contrast"] - margins["stereotyped"]
        layers, gap_layers = (_chosen(values, failing, side) for values in (margins["stereotyped"], gap))
        for half in HALF_NAMES:
            rows += [{"model": model} | row for row in _at_peaks(half, pairs, margins[half], layers, gap, gap_layers)]
    return pd.DataFrame(rows)


def _at_peaks(
    half: HalfName, pairs: "pd.DataFrame", margins: Floats, layers: Layers, gap: Floats, gap_layers: Layers
) -> list[dict[str, Any]]:
    """One half of each pair at the layers of its peaks; margins and gaps of shape (pairs, layers), peak layers of shape (pairs,)."""
    each = np.arange(len(pairs))
    peak, final = margins[each, layers], margins[:, -1]
    return [
        {
            "group": one["group"],
            "pair": pair,
            "scenario": one["scenario"],
            "weight": float(one["weight"]),
            "half": half,
            "peak_layer": int(layers[k]),
            "peak": peak[k],
            "final": final[k],
            "drop": peak[k] - final[k],
            "gap_layer": int(gap_layers[k]),
            "gap_peak": gap[k, gap_layers[k]],
            "gap_final": gap[k, -1],
        }
        for k, (pair, one) in enumerate(pairs.iterrows())
    ]


def _chosen(values: Floats, failing: npt.NDArray[np.bool_], side: npt.NDArray[np.int64]) -> Layers:
    """For each pair the layer of the largest mean among failures on the other side; among all where there are none."""
    layers = np.zeros(len(values), dtype=np.int64)
    for fold in (0, 1):
        chosen_on = failing & (side != fold)
        chosen_on = chosen_on if chosen_on.any() else failing
        layers[side == fold] = int(np.argmax(values[chosen_on].mean(0)[:-1]))
    return layers


def _row(what: str, estimate: Estimate, p: float, ours: "pd.DataFrame", others: "pd.DataFrame | None" = None) -> dict[str, Any]:
    return {
        "compared": what,
        "value": estimate.value,
        "ci_lower": estimate.lower,
        "ci_upper": estimate.upper,
        "p": p,
        "pairs": len(ours),
        "scenarios": ours["scenario"].nunique(),
        "others": 0 if others is None else len(others),
    }


def _over_zero(what: str, values: Sequence[float] | Floats, ours: "pd.DataFrame", others: "pd.DataFrame | None" = None) -> dict[str, Any]:
    """The mean of some values of pairs, clustered by scenario, with the p that it is above 0."""
    scenarios = ours["scenario"].tolist()
    p = float(sign_flip(np.asarray(values, dtype=float)[:, None], scenarios)[0]) if scenarios else NAN
    return _row(what, mean(values, scenarios), p, ours, others)


def _weighted(what: str, values: "pd.Series[float]", pairs: "pd.DataFrame") -> dict[str, Any]:
    """The same where each pair stands for a number of candidates."""
    own, weights = codes(pairs["scenario"].tolist()), pairs["weight"].to_numpy(float)
    totals = values.to_numpy(float) * weights
    estimate, _ = clustered_mean(by_cluster(totals, own), by_cluster(weights, own))
    return _row(what, estimate, float(sign_flip(totals[:, None], own.tolist())[0]), pairs, pairs)


def _over_others(what: str, ours: "pd.DataFrame", others: "pd.DataFrame", value: str) -> dict[str, Any]:
    """The mean over some pairs minus that over others, which may be of other scenarios."""
    one, other = (mean(some[value].tolist(), some["scenario"].tolist()) for some in (ours, others))
    p = mean_exceeds(ours[value].tolist(), others[value].tolist(), [*ours["scenario"], *others["scenario"]])
    return _row(what, difference(one, other), p, ours, others)


def drop_table(peaks: "pd.DataFrame") -> "pd.DataFrame":
    """Whether stereotyped halves of failures fall further than what else was asked.

    Args:
        peaks: As ``margins_at_peaks`` gives it.

    Returns:
        A row a (model, ``compared``): ``peak``, ``final`` and ``drop`` of the failures' stereotyped halves; and by how much their drop
        exceeds that of ``contrast halves`` (of the same pairs), ``controls`` (stereotyped halves) and ``mirrors`` (contrast halves, which
        are wrong there); and ``all pairs``, by how much stereotyped halves fall further than contrast halves over all groups, weighted.
        ``value`` with its 95 % interval clustered by scenario, ``p`` one-sided (above 0, sign flips by scenario),
        ``pairs``, ``scenarios``, ``others`` (pairs or halves compared with; 0 if none was there).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for model, own in peaks.groupby("model", sort=False) if len(peaks) else ():
        failures = _half(own, "failure", "stereotyped")
        contrast = _half(own, "failure", "contrast").loc[failures.index]
        found = [_over_zero(name, failures[name].tolist(), failures) for name in ("peak", "final", "drop")]
        found.append(_over_zero("contrast halves", (failures["drop"] - contrast["drop"]).tolist(), failures, contrast))
        for name, group in (("controls", "control"), ("mirrors", "mirror")):
            found.append(_over_others(name, failures, _half(own, group, FAILING.get(group, "stereotyped")), "drop"))
        every, other = (own[own["half"] == half].set_index("pair") for half in HALF_NAMES)
        found.append(_weighted("all pairs", every["drop"] - other["drop"], every))
        rows += [{"model": model} | row for row in found]
    return pd.DataFrame(rows)


def base_table(peaks: "pd.DataFrame") -> "pd.DataFrame":
    """The model against its base on the same pairs.

    Args:
        peaks: As ``margins_at_peaks`` gives it, of ``model`` and ``base``.

    Returns:
        A row a (group, ``compared``), where ``group`` is also ``all``, over all groups weighted by the candidates that they stand for, and
        ``compared`` one of ``VALUES``, of stereotyped halves or of the gap contrast − stereotyped: ``model`` and ``base`` (means),
        ``value`` (model − base, paired) with its 95 % interval clustered by scenario, ``p`` (one-sided, above 0, sign flips by scenario),
        ``pairs``, ``scenarios``. No row without a base. The pairs were chosen by how the model answers and not by how its base does,
        which alone makes failures differ; only ``all`` is free of that.
    """
    import pandas as pd

    if not len(peaks) or set(peaks["model"]) != {"model", "base"}:
        return pd.DataFrame()
    own, base = (peaks[(peaks["model"] == model) & (peaks["half"] == "stereotyped")].set_index("pair") for model in ("model", "base"))
    base = base.loc[own.index]
    rows: list[dict[str, Any]] = []
    for group in ("failure", "mirror", "control", "all"):
        some = own if group == "all" else own[own["group"] == group]
        for name in VALUES if len(some) else ():
            other = base.loc[some.index, name]
            change = some[name] - other
            row = _weighted(name, change, some) if group == "all" else _over_zero(name, change.tolist(), some)
            weights = some["weight"] if group == "all" else None
            means = {"model": float(np.average(some[name], weights=weights)), "base": float(np.average(other, weights=weights))}
            rows.append({"group": group} | row | means)
    return pd.DataFrame(rows)


def _half(peaks: "pd.DataFrame", group: str, half: HalfName) -> "pd.DataFrame":
    return peaks[(peaks["group"] == group) & (peaks["half"] == half)].set_index("pair")
