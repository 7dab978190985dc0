"""Output files of ``misfire localise``."""

# many types in pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from misfire.datasets.writing import replaced_file
from misfire.mechanistic import figures
from misfire.mechanistic.analyses.directions import difference_directions
from misfire.mechanistic.conclusions.misfiring import Misfiring
from misfire.mechanistic.draw_rule import DrawRule
from misfire.mechanistic.forecast import Step, work_rows
from misfire.mechanistic.inference import Floats
from misfire.mechanistic.model.interventions import Intervention, save_intervention
from misfire.mechanistic.page import write_page
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.selection import Candidates, asked_margins
from misfire.mechanistic.study import Plan, Study
from misfire.reports.drawing.files import Drawing

if TYPE_CHECKING:
    import pandas as pd


def write_intervention(study: Study, out: Path) -> None:
    """Write ``intervention.safetensors``: the heads that the verdict names, mean outputs, and directions."""
    session = study.session
    save_intervention(
        Intervention(
            heads=study.decision.heads,
            means=session.means,
            directions=difference_directions(session),
            fingerprint=session.decoder.fingerprint,
        ),
        out / "intervention.safetensors",
    )


def write_outputs(study: Study, verdict: Sequence[str], steps: Sequence[Step], out: Path) -> None:
    """Write the frames, the summary, the page and its figures.

    Args:
        study: A study whose analyses are finished.
        verdict: Sentences that state what the results show.
        steps: The parts of the run.
        out: Output folder.
    """
    for name, frame in study.frames.items():
        write_frame(frame, name, out)
    with replaced_file(out / "summary.json") as temporary:
        temporary.write_text(json.dumps(_summary(study, verdict, steps), indent=2) + "\n", encoding="utf-8")
    write_page(out, study.session.decoder, study.frames, verdict, _drawings(study))


def write_frame(frame: "pd.DataFrame", name: str, out: Path) -> None:
    """Write a frame to the folder ``frames``."""
    with replaced_file(out / "frames" / f"{name}.parquet") as temporary:
        frame.to_parquet(temporary, index=False)


def asked_frame(candidates: Candidates, found: Floats) -> "pd.DataFrame":
    """Return the frame ``asked``: a row for each pair that was asked, with the margins of its halves."""
    import pandas as pd

    return pd.DataFrame([
        {
            "pair": pair.id,
            "scenario": pair.scenario,
            "category": pair.category,
            **{f"{half}_margin": margin for half, margin in margins.items()},
        }
        for pair, _, margins in asked_margins(candidates, found)
    ])  # fmt: skip


def pairs_frame(probed: Probed) -> "pd.DataFrame":
    """Return the frame ``pairs``: a row for each pair, with the margin, tokens and mentions of each half."""
    import pandas as pd

    return pd.DataFrame([
        {
            **one.labels,
            **{f"{half}_margin": margin for half, margin in one.margins.items()},
            **{f"{half}_tokens": len(prompt.ids) for half, prompt in one.prompts.items()},
            **{f"{half}_mentions": len(prompt.mentions) for half, prompt in one.prompts.items()},
        }
        for one in probed.pairs
    ])  # fmt: skip


def _drawings(study: Study) -> tuple[Drawing, ...]:
    return figures.drawn([
        figures.head_drawing(study.frame("heads_zero"), study.decision.heads, "zero"),
        figures.head_drawing(study.frame("heads_mean"), (), "mean"),
        figures.curve_drawing(study.frame("curve_zero")),
        figures.lens_drawing(study.frame("lens_profiles")),
        figures.patching_drawing(study.frame("recovery")),
        figures.path_drawing(study.frame("path_shares")),
        figures.attention_drawing(study.frame("attention_differences"), study.candidates),
    ])  # fmt: skip


def _summary(study: Study, verdict: Sequence[str], steps: Sequence[Step]) -> dict[str, object]:
    """Return the content of ``summary.json``."""
    decoder, probed, decision = study.session.decoder, study.session.probed, study.decision
    return {
        "model": decoder.name,
        "commit": decoder.commit,
        "fingerprint": decoder.fingerprint,
        "adapter": decoder.adapter.note if decoder.adapter else None,
        "pairs": {
            "origin": probed.origin,
            "considered": probed.considered,
            "failing": probed.failing,
            "passing": probed.passing,
            "not_confirmed": probed.not_confirmed,
            "min_margin": probed.min_margin,
            "coin_flips": probed.flips,
            "failures": len(probed.of("failure")),
            "mirrors": len(probed.of("mirror")),
            "controls": len(probed.of("control")),
        },
        "gap": study.gap,
        "misfiring": _misfiring(study.misfiring),
        "outcome": decision.outcome,
        "heads": [str(head) for head in decision.heads],
        "alone": [str(head) for head in decision.alone],
        "candidates": [str(head) for head in study.candidates],
        "patching_layer": _best_layer(study.frame("recovery")),
        "verdict": list(verdict),
        "sizes": _sizes(study.plan),
        "work": work_rows(steps),
    }


def _sizes(plan: Plan) -> dict[str, object]:
    """Return the sizes of a run, and the effort that set those that were not given."""
    rule = plan.draws if isinstance(plan.draws, DrawRule) else None
    return {
        "effort": plan.effort,
        "analyses": list(plan.analyses),
        "ks": list(plan.ks),
        "draws": plan.draws if rule is None else f"at most {rule.most}, by a sequential rule",
        "draws_error": None if rule is None else round(float(rule.error()), 4),
        "ablations": list(plan.ablations),
        "patched": list(plan.patched),
        "senders": plan.senders,
        "seed": plan.seed,
        "budget_gib": plan.budget / 2**30,
    }


def _misfiring(found: Misfiring) -> dict[str, float | str | None]:
    """Return MAR and BR for the summary; None (null in the file) if a number is undefined."""
    numbers = {
        "pairs": found.pairs,
        "scenarios": found.scenarios,
        "misfired": found.misfired,
        "mirrored": found.mirrored,
        "mar": found.mar.value,
        "mar_ci_lower": found.mar.lower,
        "mar_ci_upper": found.mar.upper,
        "br": found.br.value,
        "br_ci_lower": found.br.lower,
        "br_ci_upper": found.br.upper,
        "p": found.p,
        "gap": found.gap.value,
    }
    return {
        "finding": found.finding,
        **{name: None if np.isnan(number) else number for name, number in numbers.items()},
    }


def _best_layer(recovery: "pd.DataFrame") -> int | None:
    """Return the layer where patching the residual stream gains most over the previous layer.

    The residual stream is that of the last token. The result is None without patching.
    """
    if recovery.empty:
        return None
    own = recovery[
        (recovery["direction"] == "denoising")
        & (recovery["site"] == "residual")
        & (recovery["where"] == "last")
    ]
    own = own[~own["by_construction"]]
    return None if own.empty else int(own["layer"].iloc[int(own["increment"].argmax())])
