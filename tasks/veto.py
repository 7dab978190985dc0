"""VETO (arXiv 2606.18656): does a model that reads evidence stop doing so when it points at a stereotyped group?

Run it: ``inspect eval tasks/veto.py --model …`` or ``inspect eval misfire/veto --model …``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric

from misfire import __version__
from misfire.datasets.pairs import HalfName, Pair
from misfire.datasets.sampling import sample_pairs
from misfire.datasets.sources import Edition, Source, load_pairs
from misfire.errors import InputError, Setting
from misfire.model_calls.ask import SystemRole
from misfire.model_calls.settings import MaxTokens, Temperature, call_settings
from misfire.scorers.answers import Parser
from misfire.scorers.half_notes import HalfNote
from misfire.scorers.probes import TARGETS, Probe
from misfire.scorers.sample_labels import HALF, half_label
from misfire.scorers.veto import HEADLINE, SCORER, veto_outcome
from misfire.tasks.parameters import PairCount, as_list, checked
from misfire.tasks.prompts import Protocol
from misfire.tasks.samples import TOLERATED_ERRORS, audit_names, provenance, sample_list
from misfire.tasks.solvers import ask_half

__all__ = ["veto"]


@task
def veto(
    source: Source = "bbq",
    categories: str | list[str] | None = None,
    pairs: int | None = None,
    seed: int = 1,
    protocol: Protocol = "direct",
    parser: Parser = "strict",
    bbq_dir: str | None = None,
    allow_unverified: bool = False,
    path: str | None = None,
    revision: str | None = None,
    edition: Edition = "published",
    per_scenario: int | None = None,
    controls: bool = False,
    temperature: Temperature = 0.0,
    max_tokens: MaxTokens = "auto",
    system: SystemRole = "auto",
) -> Task:
    """Contrastive yes/no questions over explicit evidence; headline metric MAR, the misfired alignment rate.

    Args:
        source: ``bbq`` (the benchmark, built from BBQ), ``embedded`` (our own pairs, no network), ``file`` (a pair file),
            ``hub`` (the authors' gated data set).
        categories: Only these categories, for example ``Age,SES``; all unless told.
        pairs: Only so many pairs, drawn whole, balanced over scenarios; all unless told.
        seed: Of the draw of ``pairs``.
        protocol: ``direct`` (the answer alone) or ``cot`` (reasoning first).
        parser: How answers are read: ``strict``, or ``published`` for comparison.
        bbq_dir: Folder with BBQ's JSONL files, in place of the hub (source ``bbq``).
        allow_unverified: Go on with BBQ files that are not the official ones (source ``bbq``).
        path: The pair file: JSONL, Parquet, or the authors' JSON (source ``file``).
        revision: Commit of the authors' data set, in full (source ``hub``).
        edition: ``published``, or ``repaired``: minimal pairs with grammatical questions from the same files (source ``bbq``).
        per_scenario: At most so many pairs a scenario, drawn by ``seed`` (edition ``repaired``); 20 unless told.
        controls: Ask every pair's controls too: foils, and both halves with and without evidence where "unknown" is an answer.
        temperature: ``none`` sends none, for endpoints that reject it; ``--temperature`` goes before it.
        max_tokens: Limit of output tokens: ``auto`` (512, or 8,192 where the model reasons), a number, or ``none`` to send none.
        system: Where the instruction goes: ``system``, ``user`` (before the question, for models without a system role), or ``auto``.
    """
    checked(protocol=(protocol, Protocol), parser=(parser, Parser), pairs=(pairs, PairCount), seed=(seed, int))

    call = call_settings(temperature, max_tokens, system)
    pair_set = load_pairs(
        source,
        categories=as_list("categories", categories),
        bbq_dir=bbq_dir,
        path=path,
        revision=revision,
        allow_unverified=allow_unverified,
        edition=edition,
        per_scenario=per_scenario,
        seed=seed,
        controls=controls,
    )
    audit = audit_names(pair_set.pairs)
    if pairs is not None:
        pair_set = pair_set.replace(sample_pairs(pair_set.pairs, pairs, seed))

    return Task(
        dataset=MemoryDataset(half_samples(pair_set.pairs, audit), name=f"veto_{source}"),
        solver=ask_half(protocol, call.limit, call.system),
        scorer=[veto_outcome(parser), half_label()],
        config=call.config,
        fail_on_error=TOLERATED_ERRORS,
        version=__version__,
        metadata=provenance(pair_set),
        headline_metric=HeadlineMetric(scorer=SCORER, metric=HEADLINE),
        viewer=sample_list(SCORER, [HALF]),
    )


@dataclass(frozen=True)
class _Asked:
    """One prompt of a pair."""

    probe: Probe
    half: HalfName
    prompt: str
    target: str


def half_samples(pairs: Sequence[Pair], audit: Mapping[str, Sequence[str]]) -> list[Sample]:
    """One sample a half, and one for each control if the pairs have them; those of a pair side by side.

    Args:
        pairs: The pairs.
        audit: By pair id, the audit flags that hold.

    Returns:
        Samples whose metadata says which half of which pair they are, and with controls which ``probe``.

    Raises:
        InputError: A pair with controls has a half whose right answer is "no": then hits and false alarms would change places.
    """
    turned = [pair.id for pair in pairs if pair.controls and any(half.target != TARGETS["evidence"] for _, half in pair.halves)]
    if turned:
        raise InputError(
            f"controls need pairs whose halves both have the right answer 'yes'; '{turned[0]}' has another, and {len(turned) - 1} more do. "
            "Turn their questions round,",
            parameter="controls",
            advice="or leave {} out.",
            settings=[Setting("controls", "true")],
        )
    return [
        Sample(
            id=f"{pair.id}_{asked.half}" if asked.probe == "evidence" else f"{pair.id}_{asked.half}_{asked.probe}",
            input=asked.prompt,
            target=asked.target,
            metadata=_note(pair, asked, audit).as_metadata(),
        )
        for pair in pairs
        for asked in _prompts(pair)
    ]


def _note(pair: Pair, asked: _Asked, audit: Mapping[str, Sequence[str]]) -> HalfNote:
    note = HalfNote.about(pair, asked.half, audit[pair.id])
    return note.asked_as(asked.probe) if pair.controls else note


def _prompts(pair: Pair) -> list[_Asked]:
    """What a pair is asked: its halves, then its controls if it has them."""
    own = [_Asked("evidence", name, half.prompt, half.target) for name, half in pair.halves]
    if pair.controls is None:
        return own
    return [
        *own,
        *(_Asked("foil", name, foil.prompt, foil.target) for name, foil in pair.controls.foils),
        *(_Asked("ambiguous", name, prompt, TARGETS["ambiguous"]) for name, prompt in pair.controls.ambiguous),
        *(_Asked("three_way", name, half.prompt, half.target) for name, half in pair.halves),
    ]
