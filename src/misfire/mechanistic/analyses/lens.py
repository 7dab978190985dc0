"""Logit lens: what the model would answer if it stopped after each layer.

The residual stream at the last token goes through the final norm and the unembedding as it is (nostalgebraist 2020; arXiv 2606.18656,
section 5). What is reported are these margins as they are, whose sign at the last layer is that of the model's own answer. As an aside
stands what is left once the mean over prompts about nothing is taken off at each layer; it can be larger than any effect, and of the
other sign.
"""

# torch and pandas leave many types open
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
    """The logit difference yes − no after every layer, shape (prompts, layers)."""
    decoder = session.decoder
    found = np.zeros((len(prompts), len(decoder.layout.layers)))
    for chunk, batch in batches(decoder, prompts, session.budget):
        with capturing(decoder, sites=["residual"]) as captured:
            decoder.run(batch)
        for layer, residual in captured.residual.items():
            rows, last = torch.arange(len(chunk), device=residual.device), batch.last.to(residual.device)
            found[chunk, layer] = decoder.read(residual[rows, last], session.probed.answers).double().cpu().numpy()
    return found


def lens(session: Session, *, model: str = "model") -> "pd.DataFrame":
    """The margin towards the right answer after every layer.

    Args:
        session: The model and its pairs.
        model: Name of the model in the frame: ``model``, or ``base``.

    Returns:
        A row for each (pair, half, layer): ``model``, the pair's columns, ``weight`` (candidates that a pair of its group stands for),
        ``half``, ``layer``, ``margin``, and as an aside ``corrected``, the margin without the offset that prompts about nothing have at
        that layer.
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
    """Mean margins by layer with intervals clustered by scenario, for each model, group and half; and the gap contrast − stereotyped.

    All are raw; the gap is the same with and without the neutral offset, unless right answers of the halves differ.

    Args:
        frame: As ``lens`` gives it; of several models, one behind the other.

    Returns:
        A row a (model, group, half, layer), where ``half`` is also "gap": ``mean``, ``sem``, ``ci_lower``, ``ci_upper``, ``pairs``, and as
        an aside ``corrected``, the mean without the neutral offset (NaN for the gap).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    gap = frame.pivot_table(index=["model", "group", "scenario", "pair", "layer"], columns="half", values="margin").reset_index()
    gap = gap.assign(margin=gap["contrast"] - gap["stereotyped"], half="gap")
    for (model, group, half, layer), own in pd.concat([frame, gap]).groupby(["model", "group", "half", "layer"], sort=False):
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
"""Raw margins, or those without the neutral offset."""


def suppression(frame: "pd.DataFrame", margin: Margin = "margin", *, seed: int = 1, draws: int = 1000) -> "pd.DataFrame":
    """How the evidence rises and is suppressed over the layers, for each model and group.

    Of the mean stereotyped margin: ``peak``, its largest value before the last layer; ``layer``, where;
    ``final``, its value after the last layer; ``drop``, peak − final; ``handover``, the first layer after the peak from which on it stays
    below 0 (NaN if it does not). Of the gap contrast − stereotyped: ``gap_peak``, ``gap_layer`` and ``gap_final``. The last layer is
    never a
    peak, since it is the answer itself. Peaks are read on one half of the scenarios at the layer chosen on the other, and averaged, so
    that choosing the layer does not raise them; intervals draw scenarios anew.

    Args:
        frame: As ``lens`` gives it.
        margin: Which margin. That without the offset is an aside, whose sign is not that of the model's answers.
        seed: Of folds and draws.
        draws: Of the bootstrap.

    Returns:
        A row a (model, group, statistic): ``value``, ``ci_lower``, ``ci_upper``, ``pairs``. NaN for models of one layer.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for (model, group), own in frame.groupby(["model", "group"], sort=False):
        wide = {half: own[own["half"] == half].pivot(index="pair", columns="layer", values=margin) for half in HALF_NAMES}
        s = wide["stereotyped"].to_numpy(float)
        gap = wide["contrast"].loc[wide["stereotyped"].index].to_numpy(float) - s
        scenario_of = dict(zip(own["pair"], own["scenario"], strict=True))
        scenarios = [scenario_of[pair] for pair in wide["stereotyped"].index]
        side = folds(scenarios, seed=seed)

        def statistics(units: npt.NDArray[np.int64], s: Floats = s, gap: Floats = gap, side: npt.NDArray[np.int64] = side) -> Floats:
            return _suppression(s[units], gap[units], side[units])

        value, lower, upper = bootstrap(statistics, scenarios, draws=draws, seed=seed)
        rows += [
            {"model": model, "group": group, "statistic": name, "value": v, "ci_lower": low, "ci_upper": high, "pairs": len(s)}
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
    return np.array([
        peak, layer, final, peak - final, handover, _held_out_peak(gap, side), int(np.argmax(wide[:-1])), float(wide[-1])
    ])  # fmt: skip


def _held_out_peak(values: Floats, side: npt.NDArray[np.int64]) -> float:
    """The mean at the layer with the highest mean among other scenarios' pairs; of all pairs where there is one side alone."""
    if len(set(side.tolist())) < 2:
        return float(values.mean(0)[:-1].max())
    found = [values[side == fold][:, int(np.argmax(values[side != fold].mean(0)[:-1]))] for fold in (0, 1)]
    return float(np.concatenate(found).mean())
