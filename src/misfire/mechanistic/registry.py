"""The analyses of ``misfire localise``: what each needs, which frames it writes, and how it runs.

To add an analysis, add an ``Analysis`` to ``ANALYSES``.
"""

# many types in pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.errors import InputError
from misfire.mechanistic.analyses.ablation import (
    attribution_chunks,
    attributions,
    head_effects,
    head_table,
    last_token_effects,
)
from misfire.mechanistic.analyses.attention import attention_table, attention_to_spans
from misfire.mechanistic.analyses.both_halves import pair_chunks
from misfire.mechanistic.analyses.curve import Together, curve_table, top_k
from misfire.mechanistic.analyses.lens import lens, profile_table, suppression
from misfire.mechanistic.analyses.patching import DIRECTIONS, patch_all, patched_layers, recovery_table
from misfire.mechanistic.analyses.path_patching import path_patch, path_table
from misfire.mechanistic.conclusions.drops import base_table, drop_table, margins_at_peaks
from misfire.mechanistic.draw_rule import DrawRule
from misfire.mechanistic.forwards import (
    Work,
    attention_work,
    canary_work,
    lens_work,
    means_work,
    patching_work,
    paths_work,
    prescreen_work,
    sweep_work,
    together_work,
)
from misfire.mechanistic.model.hooks import ABLATIONS, SITES, Ablation
from misfire.mechanistic.study import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Stage:
    """A part of an analysis with its own progress bar.

    Attributes:
        title: Title of the progress bar.
        steps: Number of steps of the progress bar.
        run: Function that does the work and returns frames by name.
        work: The forwards that it makes.
        wanted: Whether the plan of a study includes it.
    """

    title: str
    steps: Callable[[Study], int]
    run: "Callable[[Study], Mapping[str, pd.DataFrame]]"
    work: Callable[[Study], Work]
    wanted: Callable[[Study], bool] = lambda _: True


@dataclass(frozen=True)
class Analysis:
    """An analysis that users can request.

    Attributes:
        name: Its name in ``--analyses``.
        writes: Names of its frames. Some may be missing: ``lens_base`` without a base, those of an ablation
            that the plan does not include, and those of paths without a candidate head.
        stages: Its parts, in order.
        needs: Analyses whose frames it reads. They run before it, even if they were not requested.
    """

    name: str
    writes: tuple[str, ...]
    stages: tuple[Stage, ...]
    needs: tuple[str, ...] = ()


def _layers(study: Study) -> int:
    return len(study.session.decoder.layout.layers)


def _heads_alone(ablation: Ablation) -> Stage:
    def run(study: Study) -> "dict[str, pd.DataFrame]":
        effects = head_effects(study.session, ablation=ablation, method=study.method[0])
        table = study.session.kept(f"table-{ablation}", lambda: head_table(effects, seed=study.plan.seed))
        return {f"effects_{ablation}": effects, f"heads_{ablation}": table}

    def work(study: Study) -> Work:
        session = study.session
        first = ablation == study.plan.ablations[0]
        return (
            sweep_work(session)
            + (canary_work(session) if first else Work())
            + (means_work(session) if ablation == "mean" else Work())
        )

    return Stage(
        f"Heads, {ablation} ablation",
        lambda study: _layers(study) * len(study.session.chunks),
        run,
        work,
        lambda study: ablation in study.plan.ablations,
    )


def _heads_together(ablation: Ablation) -> Stage:
    def run(study: Study) -> "dict[str, pd.DataFrame]":
        plan, effects = study.plan, study.frames[f"effects_{ablation}"]
        # a fixed number of draws gives the numbers of earlier versions, to the last digit
        method = study.method[0] if isinstance(plan.draws, DrawRule) else "naive"
        together = Together(plan.ks, plan.draws, ablation, method, plan.seed)
        found = top_k(study.session, effects, together)
        table = curve_table(found, seed=plan.seed, draws=plan.draws)
        return {f"top_k_{ablation}": found, f"curve_{ablation}": table}

    def steps(study: Study) -> int:
        draws, ks = study.plan.draws, len(study.plan.ks)
        return 2 * (1 + ks * (draws.most // draws.step) if isinstance(draws, DrawRule) else ks)

    def work(study: Study) -> Work:
        plan = study.plan
        return together_work(study.session, plan.ks, plan.draws, plan.seed)

    return Stage(
        f"Best heads together, {ablation} ablation",
        steps,
        run,
        work,
        lambda study: ablation in study.plan.ablations,
    )


def _lens(study: Study) -> "dict[str, pd.DataFrame]":
    import pandas as pd

    session, base, seed = study.session, study.base, study.plan.seed
    found = [session.kept("lens", lambda: lens(session))]
    session.step()
    if base is not None:
        found.append(session.kept("lens-base", lambda: lens(base, model="base")))
        session.step()
    margins = pd.concat(found, ignore_index=True)
    peaks = margins_at_peaks(margins, seed=seed)
    frames = {
        "lens": margins,
        "lens_profiles": profile_table(margins),
        "suppression": session.kept("suppression", lambda: suppression(margins, "margin", seed=seed)),
        "suppression_corrected": session.kept(
            "suppression_corrected", lambda: suppression(margins, "corrected", seed=seed)
        ),
        "lens_peaks": peaks,
        "lens_drops": drop_table(peaks),
    }
    return frames if base is None else frames | {"lens_base": base_table(peaks)}


def _patching_steps(study: Study) -> int:
    pairs = [one for one in study.session.probed.pairs if one.group in study.plan.patched]
    chunks = pair_chunks(study.session, pairs, DIRECTIONS, patched_layers(study.session, SITES))
    return _layers(study) * len(list(chunks))


def _patching(study: Study) -> "dict[str, pd.DataFrame]":
    found = patch_all(study.session, groups=study.plan.patched)
    return {
        "patching": found,
        "recovery": study.session.kept("recovery", lambda: recovery_table(found, seed=study.plan.seed)),
    }


def _attention(study: Study) -> "dict[str, pd.DataFrame]":
    session = study.session
    found = session.kept("attention", lambda: attention_to_spans(session))
    session.step()
    table = session.kept("attention-table", lambda: attention_table(found, seed=study.plan.seed))
    return {"attention": found, "attention_differences": table}


def _paths(study: Study) -> "dict[str, pd.DataFrame]":
    if not study.candidates:
        return {}
    found = path_patch(study.session, study.candidates)
    return {"paths": found, "path_shares": path_table(found, seed=study.plan.seed)}


def _prescreen(study: Study) -> "dict[str, pd.DataFrame]":
    session, seed = study.session, study.plan.seed
    last_token = session.kept("last-token", lambda: last_token_effects(session))
    attributed = session.kept("attribution", lambda: attributions(session))
    return {
        "effects_last_token": last_token,
        "effects_attribution": attributed,
        "heads_last_token": head_table(last_token, seed=seed),
        "heads_attribution": head_table(attributed, seed=seed),
    }


def _named(*names: str) -> tuple[str, ...]:
    """Return the names of the frames for both kinds of ablation."""
    return tuple(f"{name}_{ablation}" for name in names for ablation in ABLATIONS)


ANALYSES: tuple[Analysis, ...] = (
    Analysis(
        "lens",
        (
            "lens",
            "lens_profiles",
            "suppression",
            "suppression_corrected",
            "lens_peaks",
            "lens_drops",
            "lens_base",
        ),
        (
            Stage(
                "Logit lens",
                lambda study: 1 + (study.base is not None),
                _lens,
                lambda study: lens_work(study.session) + (lens_work(study.base) if study.base else Work()),
            ),
        ),
    ),
    Analysis(
        "patching",
        ("patching", "recovery"),
        (
            Stage(
                "Activation patching",
                _patching_steps,
                _patching,
                lambda study: patching_work(study.session, study.plan.patched),
            ),
        ),
    ),
    Analysis(
        "heads",
        _named("effects", "heads", "top_k", "curve"),
        (
            *(_heads_alone(ablation) for ablation in ABLATIONS),
            *(_heads_together(ablation) for ablation in ABLATIONS),
        ),
    ),
    Analysis(
        "attention",
        ("attention", "attention_differences"),
        (Stage("Attention", lambda _: 1, _attention, lambda study: attention_work(study.session)),),
        needs=("heads",),
    ),
    Analysis(
        "paths",
        ("paths", "path_shares"),
        (
            Stage(
                "Path patching",
                lambda study: len(study.candidates),
                _paths,
                lambda study: paths_work(study.session, study.plan.senders),
            ),
        ),
        needs=("heads",),
    ),
    Analysis(
        "prescreen",
        ("effects_last_token", "effects_attribution", "heads_last_token", "heads_attribution"),
        (
            Stage(
                "Prescreens",
                lambda study: (
                    _layers(study) * (len(study.session.chunks) + len(attribution_chunks(study.session)))
                ),
                _prescreen,
                lambda study: prescreen_work(study.session),
            ),
        ),
    ),
)
"""All analyses in the order in which they run, except that the needs of an analysis run before it."""


def parse_analyses(text: str) -> tuple[str, ...]:
    """Parse a list of analyses: ``lens,heads``.

    Raises:
        InputError: A name is unknown, or the list is empty.
    """
    known = [analysis.name for analysis in ANALYSES]
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known] or ([""] if not names else []):
        raise InputError(
            f"--analyses: no such analysis: {', '.join(unknown) or 'none given'}. Choose from: "
            f"{', '.join(known)}."
        )
    return tuple(name for name in known if name in names)


def in_order(names: Sequence[str]) -> tuple[Analysis, ...]:
    """Return analyses with everything that they need, each once, in an order that respects these needs."""
    by_name = {analysis.name: analysis for analysis in ANALYSES}
    found: dict[str, Analysis] = {}

    def add(name: str) -> None:
        for needed in by_name[name].needs:
            add(needed)
        found.setdefault(name, by_name[name])

    for analysis in ANALYSES:
        if analysis.name in names:
            add(analysis.name)
    return tuple(found.values())
