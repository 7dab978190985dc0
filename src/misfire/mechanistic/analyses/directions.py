"""The directions in which the two halves of failures differ, for interventions on the residual stream."""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import torch
from torch import Tensor

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.model.batching import batches
from misfire.mechanistic.model.hooks import capturing
from misfire.mechanistic.session import Session


@torch.no_grad()
def difference_directions(session: Session) -> dict[int, Tensor]:
    """Compute, by layer, the direction from stereotyped to contrast halves of failures at the last token.

    Returns:
        A unit vector for each layer, shape (width,), float32.
    """
    decoder = session.decoder
    totals: dict[int, Tensor] = {}
    asked = [
        (one.prompts[half].ids, 1 if half == "contrast" else -1)
        for one in session.probed.of("failure")
        for half in HALF_NAMES
    ]
    for chunk, batch in batches(decoder, [ids for ids, _ in asked], session.budget):
        signs = torch.tensor([asked[index][1] for index in chunk], dtype=torch.float32)
        with capturing(decoder, sites=["residual"]) as captured:
            decoder.run(batch)
        for layer, residual in captured.residual.items():
            rows = torch.arange(len(chunk), device=residual.device)
            own = (residual[rows, batch.last.to(residual.device)].float().cpu() * signs[:, None]).sum(0)
            totals[layer] = totals[layer] + own if layer in totals else own
    return {layer: total / total.norm().clamp(min=1e-12) for layer, total in totals.items()}
