"""``misfire localise``: run all analyses of a model.

It writes frames, figures, a page with a verdict, and an intervention.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from misfire import __version__
from misfire.datasets.pairs import pair_set_hash
from misfire.mechanistic.conclusions.decision import Decision
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.outputs import pairs_frame, write_outputs
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.registry import in_order
from misfire.mechanistic.session import Progress, Session, no_progress
from misfire.mechanistic.store import Store
from misfire.mechanistic.study import Plan, Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Localised:
    """Results of ``localise``.

    Attributes:
        decision: Decision on the heads.
        frames: The frames by name.
        verdict: Sentences that state what the results show.
    """

    decision: Decision
    frames: "dict[str, pd.DataFrame]"
    verdict: list[str]


def localise(
    decoder: Decoder,
    probed: Probed,
    out: Path,
    *,
    plan: Plan,
    base: tuple[Decoder, Probed] | None = None,
    resume: bool = False,
    progress: Progress = no_progress,
) -> Localised:
    """Run the analyses of a plan, and write the results.

    Args:
        decoder: The model.
        probed: Its pairs.
        out: Output folder.
        plan: What to run.
        base: The base model with the same pairs, for the lens.
        resume: Whether to resume the run in the folder. Finished pieces are not computed again.
        progress: Opens progress bars.

    Returns:
        The decision, the frames and the verdict. The files written are ``frames/*.parquet``, ``figures/``,
        ``index.html``, ``summary.json`` and ``intervention.safetensors``.

    Raises:
        InputError: The folder contains something else.
    """
    store = Store(out, _settings(decoder, probed, base, plan), resume=resume)
    session = Session(decoder, probed, plan.budget, store, progress)
    study = Study(
        session, Session(*base, plan.budget) if base else None, plan, {"pairs": pairs_frame(probed)}
    )
    for analysis in in_order(plan.analyses):
        for stage in analysis.stages:
            with session.bar(stage.title, stage.steps(study)):
                study.frames |= stage.run(study)
    verdict = study.verdict()
    write_outputs(study, verdict, out)
    return Localised(study.decision, study.frames, verdict)


def _settings(
    decoder: Decoder, probed: Probed, base: tuple[Decoder, Probed] | None, plan: Plan
) -> dict[str, object]:
    """Everything that finished pieces depend on.

    The requested analyses are not included, so a resumed run may add some.
    """
    return {
        "suite_version": __version__,
        "model": decoder.name,
        "fingerprint": decoder.fingerprint,
        "dtype": str(decoder.dtype),
        "base": base[0].fingerprint if base else None,
        "pairs": pair_set_hash(one.pair for one in probed.pairs),
        "prompts": hashlib.sha256(
            repr([prompt.ids for one in probed.pairs for prompt in one.prompts.values()]).encode()
        ).hexdigest(),
        "groups": [one.group for one in probed.pairs],
        "wording": probed.wording,
        "ks": plan.ks,
        "draws": plan.draws,
        "seed": plan.seed,
        "budget": plan.budget,
    }
