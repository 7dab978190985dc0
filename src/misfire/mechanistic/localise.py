"""``misfire localise``: all analyses of a model, kept as frames, pictures, one page with a verdict, and an intervention to try."""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from misfire import __version__
from misfire.datasets.pairs import pair_set_hash
from misfire.datasets.writing import replaced_file
from misfire.errors import InputError
from misfire.mechanistic import figures
from misfire.mechanistic.analyses.ablation import (
    Method,
    attributions,
    choose_method,
    control_prompts,
    head_effects,
    head_table,
    last_token_effects,
    mean_outputs,
    ranked,
)
from misfire.mechanistic.analyses.attention import attention_table, attention_to_spans
from misfire.mechanistic.analyses.curve import KS, curve_table, top_k
from misfire.mechanistic.analyses.lens import Margin, lens, profile_table, suppression
from misfire.mechanistic.analyses.patching import patch_all, recovery_table
from misfire.mechanistic.analyses.path_patching import path_patch, path_table
from misfire.mechanistic.conclusions.decision import Decision, decide
from misfire.mechanistic.conclusions.drops import base_table, drop_table, margins_at_peaks
from misfire.mechanistic.conclusions.misfiring import Misfiring, misfiring
from misfire.mechanistic.conclusions.wording import Findings, looked_into, verdict
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Ablation
from misfire.mechanistic.model.interventions import Intervention, difference_directions, save_intervention
from misfire.mechanistic.model.replay import sweep_chunks
from misfire.mechanistic.page import write_page
from misfire.mechanistic.selection import BUDGET, Probed
from misfire.mechanistic.store import Store

if TYPE_CHECKING:
    import pandas as pd

Analysis = Literal["lens", "patching", "heads", "attention", "paths", "prescreen"]

ANALYSES: tuple[Analysis, ...] = ("lens", "patching", "heads", "attention", "paths")
"""What is done unless told otherwise; ``prescreen`` (attribution and last-token ablation, under their own names) is done if asked for."""

ABLATIONS: tuple[Ablation, ...] = ("zero", "mean")

SENDERS = 3
"""At most so many heads whose paths are patched: those that the verdict names, or else the best of the table."""

Progress = Callable[[str], AbstractContextManager[tuple[Callable[[int], None], Callable[[], None]]]]
"""A progress bar: from words to a context that gives two functions, told the number of steps and called after each."""


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        analyses: Which analyses.
        ks: How many heads are ablated together.
        draws: Random choices of heads beside each.
        seed: Of folds, permutations and draws.
        budget: Bytes that activations may take.
    """

    analyses: tuple[Analysis, ...] = ANALYSES
    ks: tuple[int, ...] = KS
    draws: int = 100
    seed: int = 1
    budget: int = BUDGET


@dataclass
class Localised:
    """What was found.

    Attributes:
        decision: What is decided on the heads.
        frames: The tidy frames by name.
        candidates: The heads that the decision names, or the best of the table if there are none.
        verdict: Sentences.
        made: Pieces that were computed and not found done.
    """

    decision: Decision
    frames: "dict[str, pd.DataFrame]" = field(default_factory=dict)  # pyright: ignore[reportUnknownVariableType]
    candidates: list[Head] = field(default_factory=list[Head])
    verdict: list[str] = field(default_factory=list[str])
    made: int = 0


def parse_analyses(text: str) -> tuple[Analysis, ...]:
    """Analyses as a user lists them: ``lens,heads``.

    Raises:
        InputError: One is unknown, or there is none.
    """
    known: tuple[Analysis, ...] = (*ANALYSES, "prescreen")
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known] or ([""] if not names else []):
        raise InputError(f"--analyses: no such analysis: {', '.join(unknown) or 'none given'}. There are: {', '.join(known)}.")
    return tuple(name for name in known if name in names)


def localise(
    decoder: Decoder,
    probed: Probed,
    out: Path,
    *,
    base: tuple[Decoder, Probed] | None = None,
    plan: Plan = Plan(),
    resume: bool = False,
    progress: Progress,
) -> Localised:
    """Do the analyses of a plan, and write what they give.

    Args:
        decoder: The model.
        probed: Its pairs.
        out: Folder to write to.
        base: Its base model with the same pairs, for the lens.
        plan: What to do.
        resume: Go on with what the folder holds; finished pieces are not done again.
        progress: Shows how far each analysis is.

    Returns:
        The frames and what they say. Written are ``frames/*.parquet``, ``figures/``, ``index.html``, ``summary.json`` and
        ``intervention.safetensors``.

    Raises:
        InputError: The folder holds something else.
    """
    store = Store(out, _settings(decoder, probed, base, plan), resume=resume)
    shown = misfiring(probed.asked)
    done = Localised(Decision("not analysed", shown))
    keep = done.frames
    keep["pairs"] = _pairs(probed)
    gap = _gap(probed)
    layers = len(decoder.layout.layers)
    prompts = [prompt.ids for one in probed.pairs for prompt in one.prompts.values()]
    pieces = layers * len(sweep_chunks(decoder, prompts, plan.budget))
    means = mean_outputs(decoder, control_prompts(probed), plan.budget)
    method: Method = "replay"
    notes: list[str] = []

    if {"heads", "paths", "attention"} & set(plan.analyses):
        method, deviation = choose_method(decoder, probed)
        if method == "naive":
            notes.append(f"Replay of layers differed from plain runs by {deviation:.3g} logits, so heads were ablated by whole runs.")
        for ablation in ABLATIONS:
            with progress(f"Heads, {ablation} ablation") as (started, step):
                started(pieces)
                effects = head_effects(decoder, probed, ablation=ablation, method=method, budget=plan.budget, store=store, step=step)
            keep[f"effects_{ablation}"] = effects
            keep[f"heads_{ablation}"] = store.frame(f"table-{ablation}", lambda effects=effects: head_table(effects, seed=plan.seed))
        for ablation in ABLATIONS:
            with progress(f"Best heads together, {ablation} ablation") as (started, step):
                started(2 * len(plan.ks))
                keep[f"top_k_{ablation}"] = top_k(
                    decoder,
                    probed,
                    keep[f"effects_{ablation}"],
                    ks=plan.ks,
                    draws=plan.draws,
                    means=means if ablation == "mean" else None,
                    seed=plan.seed,
                    budget=plan.budget,
                    store=store,
                    name=f"top-k-{ablation}",
                    step=step,
                )
                keep[f"curve_{ablation}"] = curve_table(keep[f"top_k_{ablation}"], seed=plan.seed)
        done.decision = decide(shown, keep["heads_zero"], keep["curve_zero"], gap)
        done.candidates = (list(done.decision.heads) or ranked(keep["heads_zero"]))[:SENDERS]

    if "prescreen" in plan.analyses:
        with progress("Prescreens") as (started, step):
            started(pieces)
            keep["effects_last_token"] = store.frame(
                "last-token", lambda: last_token_effects(decoder, probed, budget=plan.budget, step=step)
            )
            keep["effects_attribution"] = store.frame("attribution", lambda: attributions(decoder, probed, budget=plan.budget))
            for name in ("last_token", "attribution"):
                keep[f"heads_{name}"] = head_table(keep[f"effects_{name}"], seed=plan.seed)

    if "lens" in plan.analyses:
        import pandas as pd

        with progress("Logit lens") as (started, step):
            started(1 + (base is not None))
            found = [store.frame("lens", lambda: lens(decoder, probed, budget=plan.budget, step=step))]
            if base is not None:
                found.append(store.frame("lens-base", lambda: lens(*base, model="base", budget=plan.budget, step=step)))
            keep["lens"] = pd.concat(found, ignore_index=True)
            keep["lens_profiles"] = profile_table(keep["lens"])
            asides: dict[str, Margin] = {"suppression": "margin", "suppression_corrected": "corrected"}
            for name, margin in asides.items():
                keep[name] = store.frame(name, lambda margin=margin: suppression(keep["lens"], margin, seed=plan.seed))
            keep["lens_peaks"] = margins_at_peaks(keep["lens"], seed=plan.seed)
            keep["lens_drops"] = drop_table(keep["lens_peaks"])
            if base is not None:
                keep["lens_base"] = base_table(keep["lens_peaks"])

    if "patching" in plan.analyses:
        with progress("Activation patching") as (started, step):
            started(2 * layers)
            keep["patching"] = patch_all(decoder, probed, budget=plan.budget, store=store, step=step)
            keep["recovery"] = store.frame("recovery", lambda: recovery_table(keep["patching"], seed=plan.seed))

    if "paths" in plan.analyses and done.candidates:
        with progress("Path patching") as (started, step):
            started(len(done.candidates))
            keep["paths"] = path_patch(decoder, probed, done.candidates, budget=plan.budget, store=store, step=step)
            keep["path_shares"] = path_table(keep["paths"], seed=plan.seed)

    if "attention" in plan.analyses:
        with progress("Attention") as (started, step):
            started(1)
            keep["attention"] = store.frame("attention", lambda: attention_to_spans(decoder, probed, budget=plan.budget, step=step))
            keep["attention_differences"] = store.frame("attention-table", lambda: attention_table(keep["attention"], seed=plan.seed))

    first, *rest = verdict(_findings(done, gap))
    done.verdict = [first, looked_into(probed), *notes, *rest]
    done.made = store.made
    layer = _best_layer(keep)
    save_intervention(
        Intervention(done.decision.heads, "zero", means, (), difference_directions(decoder, probed, plan.budget), decoder.fingerprint),
        out / "intervention.safetensors",
    )
    _write(decoder, probed, done, out, gap, layer)
    return done


def _settings(decoder: Decoder, probed: Probed, base: tuple[Decoder, Probed] | None, plan: Plan) -> dict[str, object]:
    """What finished pieces depend on. Which analyses were asked for is not part of it, so that a resumed run may add some."""
    return {
        "suite_version": __version__,
        "model": decoder.name,
        "fingerprint": decoder.fingerprint,
        "dtype": str(decoder.dtype),
        "base": base[0].fingerprint if base else None,
        "pairs": pair_set_hash(one.pair for one in probed.pairs),
        "prompts": hashlib.sha256(repr([prompt.ids for one in probed.pairs for prompt in one.prompts.values()]).encode()).hexdigest(),
        "groups": [one.group for one in probed.pairs],
        "wording": probed.wording,
        "ks": plan.ks,
        "draws": plan.draws,
        "seed": plan.seed,
        "budget": plan.budget,
    }


def _pairs(probed: Probed) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([
        {
            "pair": one.pair.id,
            "scenario": one.pair.scenario,
            "category": one.pair.category,
            "group": one.group,
            **{f"{half}_margin": margin for half, margin in one.margins.items()},
            **{f"{half}_tokens": len(prompt.ids) for half, prompt in one.prompts.items()},
            **{f"{half}_mentions": len(prompt.mentions) for half, prompt in one.prompts.items()},
        }
        for one in probed.pairs
    ])  # fmt: skip


def _gap(probed: Probed) -> float:
    """Mean contrast margin minus mean stereotyped margin of the failures."""
    return float(np.mean([one.margins["contrast"] - one.margins["stereotyped"] for one in probed.of("failure")]))


def _findings(done: Localised, gap: float) -> Findings:
    import pandas as pd

    drops, recovery = (done.frames.get(name, pd.DataFrame()) for name in ("lens_drops", "recovery"))
    return Findings(done.decision, drops, recovery, gap, done.frames.get("lens_base"))


def _best_layer(frames: "dict[str, pd.DataFrame]") -> int | None:
    """The layer at which patching the residual stream of the last token gains most over the layer before."""
    recovery = frames.get("recovery")
    if recovery is None or recovery.empty:
        return None
    own = recovery[(recovery["direction"] == "denoising") & (recovery["site"] == "residual") & (recovery["where"] == "last")]
    own = own[~own["by_construction"]]
    return None if own.empty else int(own["layer"].iloc[int(own["increment"].argmax())])


def _write(decoder: Decoder, probed: Probed, done: Localised, out: Path, gap: float, layer: int | None) -> None:
    import pandas as pd

    for name, frame in done.frames.items():
        with replaced_file(out / "frames" / f"{name}.parquet") as temporary:
            frame.to_parquet(temporary, index=False)
    empty = pd.DataFrame()
    frames = done.frames
    marked = {"zero": done.decision.heads}
    drawings = figures.drawn([
        *(
            figures.head_drawing(frames.get(f"heads_{name}", empty), marked.get(name, ()), name) for name in ABLATIONS
        ),
        figures.curve_drawing(frames.get("curve_zero", empty)),
        figures.lens_drawing(frames.get("lens_profiles", empty)),
        figures.patching_drawing(frames.get("recovery", empty)),
        figures.path_drawing(frames["path_shares"]) if "path_shares" in frames else None,
        figures.attention_drawing(frames.get("attention_differences", empty), done.candidates),
    ])  # fmt: skip
    summary = {
        "model": decoder.name,
        "commit": decoder.commit,
        "fingerprint": decoder.fingerprint,
        "pairs": {
            "origin": probed.origin,
            "considered": probed.considered,
            "failing": probed.failing,
            "passing": probed.passing,
            "not_confirmed": probed.not_confirmed,
            "failures": len(probed.of("failure")),
            "mirrors": len(probed.of("mirror")),
            "controls": len(probed.of("control")),
        },
        "gap": gap,
        "misfiring": _told(done.decision.misfiring),
        "outcome": done.decision.outcome,
        "heads": [str(head) for head in done.decision.heads],
        "alone": [str(head) for head in done.decision.alone],
        "candidates": [str(head) for head in done.candidates],
        "patching_layer": layer,
        "verdict": done.verdict,
    }
    with replaced_file(out / "summary.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    write_page(out, decoder, done.frames, done.verdict, drawings)


def _told(found: Misfiring) -> dict[str, float | str | None]:
    """MAR against BR for the summary; null where a number is undefined."""
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
    return {"finding": found.finding, **{name: None if np.isnan(number) else number for name, number in numbers.items()}}


def small_ks(ks: Sequence[int], heads: int) -> tuple[int, ...]:
    """Numbers of heads that a model has, in order and each once."""
    return tuple(sorted({k for k in ks if 0 < k <= heads}))


def parse_ks(text: str) -> tuple[int, ...]:
    """Numbers of heads as a user lists them: ``1,3,5``.

    Raises:
        InputError: One is no whole number from 1.
    """
    try:
        ks = tuple(int(item) for item in text.split(","))
    except ValueError:
        ks = (0,)
    if min(ks) < 1:
        raise InputError(f"--ks: '{text}' are not numbers of heads. Write whole numbers from 1: 1,3,5.")
    return ks
