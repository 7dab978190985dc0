"""How far margins fall between their peak in the logit lens and the end, compared with right answers.

In many models, margins rise and fall over the layers everywhere. A fall shows that evidence is overruled only
if stereotyped halves of failures fall further than the contrast halves of the same pairs and than controls.
This alone is not enough. Failures are chosen by their final answer, so their stereotyped halves end low and
their contrast halves end high even in a model that ignores groups. In such a model, mirrored failures do the
reverse equally often. Therefore, over failures, mirrors and controls together, each weighted by the number of
candidates that it stands for, stereotyped halves fall no further than contrast halves. All margins here are
raw: they are what the model itself uses.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from misfire.datasets.pairs import HALF_NAMES, HalfName
from misfire.mechanistic.inference import (
    Floats,
    by_cluster,
    codes,
    difference,
    folds,
    mean,
    mean_exceeds,
    sign_flip,
)
from misfire.mechanistic.probed_pairs import FAILING
from misfire.scorers.statistics import NAN, Estimate, clustered_mean

if TYPE_CHECKING:
    import pandas as pd

Layers = npt.NDArray[np.int64]

VALUES = ("peak", "final", "drop", "gap_peak", "gap_final")
"""The compared quantities; see ``margins_at_peaks``."""


def margins_at_peaks(frame: "pd.DataFrame", *, seed: int = 1) -> "pd.DataFrame":
    """Return the margin of each half at the peak layer of failures, and after the last layer.

    The peak is the layer before the last with the largest mean raw margin over the stereotyped halves of
    failures. For the pairs in one half of the scenarios, the layer is chosen on the other half, so that the
    choice does not inflate the peak. The peak of the gap contrast − stereotyped of failures is chosen in the
    same way.

    Args:
        frame: Output of ``misfire.mechanistic.analyses.lens.lens``.
        seed: Random seed for the split of the scenarios.

    Returns:
        A row for each (model, pair, half): ``model``, ``group``, ``pair``, ``scenario``, ``weight``,
        ``half``, ``peak_layer``, ``peak`` (margin at that layer), ``final`` (margin after the last layer),
        ``drop`` (peak − final), and the same for the gap of the pair: ``gap_layer``, ``gap_peak``,
        ``gap_final``. Models with one layer or without failures have no rows.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for model, own in frame.groupby("model", sort=False):
        wide = {
            half: own[own["half"] == half].pivot(index="pair", columns="layer", values="margin")
            for half in HALF_NAMES
        }
        pairs = own.drop_duplicates("pair").set_index("pair").loc[wide["stereotyped"].index]
        margins = {half: wide[half].loc[pairs.index].to_numpy(float) for half in HALF_NAMES}
        failing = (pairs["group"] == "failure").to_numpy(bool)
        if margins["stereotyped"].shape[1] < 2 or not failing.any():
            continue
        side = folds(pairs["scenario"].tolist(), seed=seed)
        gap = margins["contrast"] - margins["stereotyped"]
        layers, gap_layers = (_chosen(values, failing, side) for values in (margins["stereotyped"], gap))
        for half in HALF_NAMES:
            rows += [
                {"model": model} | row
                for row in _at_peaks(half, pairs, margins[half], layers, gap, gap_layers)
            ]
    return pd.DataFrame(rows)


def _at_peaks(
    half: HalfName, pairs: "pd.DataFrame", margins: Floats, layers: Layers, gap: Floats, gap_layers: Layers
) -> list[dict[str, Any]]:
    """Return the rows of one half at the peak layers.

    Margins and gaps have shape (pairs, layers); peak layers have shape (pairs,).
    """
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
    """Choose, for each pair, the layer with the largest mean among failures in the other fold.

    If the other fold has no failures, the mean is over all failures.
    """
    layers = np.zeros(len(values), dtype=np.int64)
    for fold in (0, 1):
        chosen_on = failing & (side != fold)
        chosen_on = chosen_on if chosen_on.any() else failing
        layers[side == fold] = int(np.argmax(values[chosen_on].mean(0)[:-1]))
    return layers


def _row(
    what: str, estimate: Estimate, p: float, ours: "pd.DataFrame", others: "pd.DataFrame | None" = None
) -> dict[str, Any]:
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


def _over_zero(
    what: str, values: Sequence[float] | Floats, ours: "pd.DataFrame", others: "pd.DataFrame | None" = None
) -> dict[str, Any]:
    """Return the mean of values of pairs, clustered by scenario, and the one-sided p that tests mean > 0."""
    scenarios = ours["scenario"].tolist()
    p = float(sign_flip(np.asarray(values, dtype=float)[:, None], scenarios)[0]) if scenarios else NAN
    return _row(what, mean(values, scenarios), p, ours, others)


def _weighted(what: str, values: "pd.Series[float]", pairs: "pd.DataFrame") -> dict[str, Any]:
    """Like ``_over_zero``, with each pair weighted by the number of candidates that it stands for."""
    own, weights = codes(pairs["scenario"].tolist()), pairs["weight"].to_numpy(float)
    totals = values.to_numpy(float) * weights
    estimate, _ = clustered_mean(by_cluster(totals, own), by_cluster(weights, own))
    return _row(what, estimate, float(sign_flip(totals[:, None], own.tolist())[0]), pairs, pairs)


def _over_others(what: str, ours: "pd.DataFrame", others: "pd.DataFrame", value: str) -> dict[str, Any]:
    """Return the mean over some pairs minus the mean over others, which may be from other scenarios."""
    one, other = (mean(some[value].tolist(), some["scenario"].tolist()) for some in (ours, others))
    p = mean_exceeds(ours[value].tolist(), others[value].tolist(), [*ours["scenario"], *others["scenario"]])
    return _row(what, difference(one, other), p, ours, others)


def drop_table(peaks: "pd.DataFrame") -> "pd.DataFrame":
    """Test whether stereotyped halves of failures fall further than other halves.

    Args:
        peaks: Output of ``margins_at_peaks``.

    Returns:
        A row for each (model, ``compared``). ``compared`` is ``peak``, ``final`` or ``drop`` of the
        stereotyped halves of failures; or a comparison, that is, how much larger their drop is than that of
        ``contrast halves`` (of the same pairs), ``controls`` (stereotyped halves) or ``mirrors`` (contrast
        halves, which are wrong in mirrors); or ``all pairs``, how much further stereotyped halves fall than
        contrast halves over all groups, weighted. Other columns: ``value`` with its 95 % interval clustered
        by scenario, ``p`` (one-sided, above 0, sign flips by scenario), ``pairs``, ``scenarios``, ``others``
        (number of pairs or halves in the comparison; 0 if none).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for model, own in peaks.groupby("model", sort=False) if len(peaks) else ():
        failures = _half(own, "failure", "stereotyped")
        contrast = _half(own, "failure", "contrast").loc[failures.index]
        found = [_over_zero(name, failures[name].tolist(), failures) for name in ("peak", "final", "drop")]
        found.append(
            _over_zero("contrast halves", (failures["drop"] - contrast["drop"]).tolist(), failures, contrast)
        )
        for name, group in (("controls", "control"), ("mirrors", "mirror")):
            found.append(
                _over_others(name, failures, _half(own, group, FAILING.get(group, "stereotyped")), "drop")
            )
        every, other = (own[own["half"] == half].set_index("pair") for half in HALF_NAMES)
        found.append(_weighted("all pairs", every["drop"] - other["drop"], every))
        rows += [{"model": model} | row for row in found]
    return pd.DataFrame(rows)


def base_table(peaks: "pd.DataFrame") -> "pd.DataFrame":
    """Compare the model with its base on the same pairs.

    Args:
        peaks: Output of ``margins_at_peaks`` for ``model`` and ``base``.

    Returns:
        A row for each (group, ``compared``). ``group`` can also be ``all``: all groups, weighted by the
        candidates that they stand for. ``compared`` is one of ``VALUES``, for stereotyped halves or for the
        gap contrast − stereotyped. Other columns: ``model`` and ``base`` (means), ``value`` (model − base,
        paired) with its 95 % interval clustered by scenario, ``p`` (one-sided, above 0, sign flips by
        scenario), ``pairs``, ``scenarios``. Empty without a base. The pairs were chosen by the answers of the
        model and not of its base, which is enough to make failures differ; only ``all`` is free of this
        selection effect.
    """
    import pandas as pd

    if not len(peaks) or set(peaks["model"]) != {"model", "base"}:
        return pd.DataFrame()
    own, base = (
        peaks[(peaks["model"] == model) & (peaks["half"] == "stereotyped")].set_index("pair")
        for model in ("model", "base")
    )
    base = base.loc[own.index]
    rows: list[dict[str, Any]] = []
    for group in ("failure", "mirror", "control", "all"):
        some = own if group == "all" else own[own["group"] == group]
        for name in VALUES if len(some) else ():
            other = base.loc[some.index, name]
            change = some[name] - other
            row = _weighted(name, change, some) if group == "all" else _over_zero(name, change.tolist(), some)
            weights = some["weight"] if group == "all" else None
            means = {
                "model": float(np.average(some[name], weights=weights)),
                "base": float(np.average(other, weights=weights)),
            }
            rows.append({"group": group} | row | means)
    return pd.DataFrame(rows)


def _half(peaks: "pd.DataFrame", group: str, half: HalfName) -> "pd.DataFrame":
    return peaks[(peaks["group"] == group) & (peaks["half"] == half)].set_index("pair")
