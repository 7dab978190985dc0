"""Logit lens: the answer of the model if it stopped after each layer.

The residual stream at the last token goes directly through the final norm and the unembedding (nostalgebraist
2020; arXiv 2606.18656, section 5). The reported margins are these raw values. At the last layer, their sign
is that of the model's own answer. The corrected margin is a secondary value: at each layer, the mean over
neutral prompts (prompts without a passage or a question) is subtracted. This mean can be larger than any
effect and have the opposite sign.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.inference import Floats, bootstrap, folds, mean
from misfire.mechanistic.model.batching import batches
from misfire.mechanistic.model.hooks import capturing
from misfire.mechanistic.prompts import NEUTRAL, probe_prompt
from misfire.mechanistic.session import Session
from misfire.scorers.statistics import NAN

if TYPE_CHECKING:
    import pandas as pd


@torch.no_grad()
def _differences_by_layer(session: Session, prompts: Sequence[Sequence[int]]) -> Floats:
    """Return the logit difference yes − no after every layer, shape (prompts, layers)."""
    decoder = session.decoder
    found = np.zeros((len(prompts), len(decoder.layout.layers)))
    for chunk, batch in batches(decoder, prompts, session.budget):
        with capturing(decoder, sites=["residual"]) as captured:
            decoder.run(batch)
        for layer, residual in captured.residual.items():
            rows, last = torch.arange(len(chunk), device=residual.device), batch.last.to(residual.device)
            found[chunk, layer] = (
                decoder.read(residual[rows, last], session.probed.answers).double().cpu().numpy()
            )
    return found


def lens(session: Session, *, model: str = "model") -> "pd.DataFrame":
    """Compute the margin toward the right answer after every layer.

    Args:
        session: The model and its pairs.
        model: Name of the model in the frame: ``model``, or ``base``.

    Returns:
        A row for each (pair, half, layer): ``model``, the pair's columns, ``weight`` (number of candidates
        that a pair of its group stands for), ``half``, ``layer``, ``margin``, and the secondary value
        ``corrected``, the margin minus the mean over neutral prompts at that layer.
    """
    import pandas as pd

    found = _differences_by_layer(session, [one.ids for one in session.halves])
    neutral = [probe_prompt(session.decoder.tokenizer, text, session.probed.wording).ids for text in NEUTRAL]
    offset = _differences_by_layer(session, neutral).mean(0)
    weights = session.probed.weights
    return pd.DataFrame([
        {
            "model": model,
            **one.pair.labels,
            "weight": weights[one.pair.group],
            "half": one.half,
            "layer": layer,
            "margin": one.sign * float(d),
            "corrected": one.sign * float(d - offset[layer]),
        }
        for one, profile in zip(session.halves, found, strict=True)
        for layer, d in enumerate(profile)
    ])  # fmt: skip


def profile_table(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Compute mean margins by layer, clustered by scenario, for each model, group and half.

    The table also has the gap contrast − stereotyped. All means are raw. The neutral offset does not change
    the gap, unless the right answers of the halves differ.

    Args:
        frame: Output of ``lens``, for one model or concatenated for several.

    Returns:
        A row for each (model, group, half, layer), where ``half`` is also "gap": ``mean``, ``sem``,
        ``ci_lower``, ``ci_upper``, ``pairs``, and the secondary value ``corrected``, the mean without the
        neutral offset (NaN for the gap).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    gap = frame.pivot_table(
        index=["model", "group", "scenario", "pair", "layer"], columns="half", values="margin"
    ).reset_index()
    gap = gap.assign(margin=gap["contrast"] - gap["stereotyped"], half="gap")
    for (model, group, half, layer), own in pd.concat([frame, gap]).groupby(
        ["model", "group", "half", "layer"], sort=False
    ):
        estimate = mean(own["margin"].tolist(), own["scenario"].tolist())
        rows.append({
            "model": model,
            "group": group,
            "half": half,
            "layer": layer,
            "mean": estimate.value,
            "sem": estimate.stderr,
            "ci_lower": estimate.lower,
            "ci_upper": estimate.upper,
            "pairs": len(own),
            "corrected": float(own["corrected"].mean()),
        })  # fmt: skip
    return pd.DataFrame(rows)


SUPPRESSION = ("peak", "layer", "final", "drop", "handover", "gap_peak", "gap_layer", "gap_final")


Margin = Literal["margin", "corrected"]
"""Raw margins, or margins without the neutral offset."""


def suppression(
    frame: "pd.DataFrame", margin: Margin = "margin", *, seed: int = 1, draws: int = 1000
) -> "pd.DataFrame":
    """Measure how margins rise and fall over the layers, for each model and group.

    Statistics of the mean stereotyped margin are ``peak``, its largest value before the last layer;
    ``layer``, the layer of the peak; ``final``, its value after the last layer; ``drop``, peak − final; and
    ``handover``, the first layer after the peak from which it stays below 0 (NaN if there is none).
    Statistics of the gap contrast − stereotyped are ``gap_peak``, ``gap_layer`` and ``gap_final``. The last
    layer is never a peak, because it is the answer itself. A peak is the value in one half of the scenarios
    at the layer chosen on the other half, averaged over both, so that the choice of the layer does not
    inflate it. Intervals resample scenarios.

    Args:
        frame: Output of ``lens``.
        margin: Which margin to use. The sign of the corrected margin is not that of the model's answers.
        seed: Random seed for folds and draws.
        draws: Number of bootstrap draws.

    Returns:
        A row for each (model, group, statistic): ``value``, ``ci_lower``, ``ci_upper``, ``pairs``. NaN for
        models with one layer.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for (model, group), own in frame.groupby(["model", "group"], sort=False):
        wide = {
            half: own[own["half"] == half].pivot(index="pair", columns="layer", values=margin)
            for half in HALF_NAMES
        }
        s = wide["stereotyped"].to_numpy(float)
        gap = wide["contrast"].loc[wide["stereotyped"].index].to_numpy(float) - s
        scenario_of = dict(zip(own["pair"], own["scenario"], strict=True))
        scenarios = [scenario_of[pair] for pair in wide["stereotyped"].index]
        side = folds(scenarios, seed=seed)

        def statistics(
            units: npt.NDArray[np.int64], s: Floats = s, gap: Floats = gap, side: npt.NDArray[np.int64] = side
        ) -> Floats:
            return _suppression(s[units], gap[units], side[units])

        value, lower, upper = bootstrap(statistics, scenarios, draws=draws, seed=seed)
        rows += [
            {
                "model": model,
                "group": group,
                "statistic": name,
                "value": v,
                "ci_lower": low,
                "ci_upper": high,
                "pairs": len(s),
            }
            for name, v, low, high in zip(SUPPRESSION, value, lower, upper, strict=True)
        ]
    return pd.DataFrame(rows)


def _suppression(s: Floats, gap: Floats, side: npt.NDArray[np.int64]) -> Floats:
    if s.shape[1] < 2:
        return np.full(len(SUPPRESSION), NAN)
    profile, wide = s.mean(0), gap.mean(0)
    layer = int(np.argmax(profile[:-1]))
    below = np.flatnonzero(profile >= 0)
    after = int(below[-1]) + 1 if len(below) else 0
    handover = float(max(after, layer + 1)) if after < len(profile) else NAN
    peak, final = _held_out_peak(s, side), float(profile[-1])
    return np.array(
        [
            peak,
            layer,
            final,
            peak - final,
            handover,
            _held_out_peak(gap, side),
            int(np.argmax(wide[:-1])),
            float(wide[-1]),
        ]
    )


def _held_out_peak(values: Floats, side: npt.NDArray[np.int64]) -> float:
    """Return the mean at the layer with the highest mean in the other fold, averaged over folds.

    If there is one fold, the layer and the mean are those of all pairs.
    """
    if len(set(side.tolist())) < 2:
        return float(values.mean(0)[:-1].max())
    found = [values[side == fold][:, int(np.argmax(values[side != fold].mean(0)[:-1]))] for fold in (0, 1)]
    return float(np.concatenate(found).mean())
