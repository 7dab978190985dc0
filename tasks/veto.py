"""VETO (arXiv 2606.18656): does a model ignore evidence when it points at a stereotyped group?

Run it with ``inspect eval tasks/veto.py --model …`` or ``inspect eval misfire/veto --model …``.
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
from misfire.model_calls.first_token import Readout
from misfire.model_calls.settings import MaxTokens, Temperature, call_settings
from misfire.model_calls.structured import Structured
from misfire.scorers.answers import Parser
from misfire.scorers.half_notes import HalfNote
from misfire.scorers.probes import TARGETS, Probe
from misfire.scorers.sample_labels import HALF, half_label
from misfire.scorers.veto import HEADLINE, SCORER, veto_outcome
from misfire.tasks.parameters import PairCount, checked, pair_settings
from misfire.tasks.prompts import Protocol
from misfire.tasks.readout import asking
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
    readout: Readout = "text",
    structured: Structured = "off",
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
    """Ask contrastive yes/no questions about explicit evidence.

    The headline metric is MAR, the misfired alignment rate.

    Args:
        source: ``bbq`` (the benchmark, built from BBQ), ``embedded`` (our own pairs, no network), ``file`` (a
            pair file), ``hub`` (the authors' gated dataset).
        categories: Only these categories, for example ``Age,SES``. Default: all.
        pairs: Number of pairs to draw, balanced over scenarios. Default: all.
        seed: Random seed of the draw.
        protocol: ``direct`` (only the answer) or ``cot`` (reasoning first).
        readout: ``text`` (the answer is read from what the model writes, as published) or ``logprobs`` (from
            the probabilities of the first token, if the provider returns them; protocol ``direct``).
        structured: Let the provider enforce a JSON schema for the answer: ``off`` (as published), ``auto``
            (if all its models support it) or ``on``.
        parser: How texts are read: ``strict``, or ``published`` for comparison.
        bbq_dir: Folder with BBQ's JSONL files, instead of the Hub (source ``bbq``).
        allow_unverified: Accept BBQ files that are not the official ones (source ``bbq``).
        path: The pair file: JSONL, Parquet, or the authors' JSON (source ``file``).
        revision: Full commit hash of the authors' dataset (source ``hub``).
        edition: ``published``, or ``repaired``: minimal pairs with grammatical questions from the same files
            (source ``bbq``).
        per_scenario: Maximum number of pairs per scenario, drawn with ``seed`` (edition ``repaired``).
            Default: 20.
        controls: Also ask every pair's controls: foils, and both halves with and without evidence with
            "unknown" as an answer.
        temperature: The temperature; ``none`` sends none, for endpoints that reject it. ``--temperature``
            takes precedence.
        max_tokens: Limit of output tokens: ``auto`` (512, or 8,192 for models that reason), a number, or
            ``none`` to send none.
        system: Where the instruction goes: ``system``, ``user`` (before the question, for models without a
            system role), or ``auto``.
    """
    checked(
        protocol=(protocol, Protocol), parser=(parser, Parser), pairs=(pairs, PairCount), seed=(seed, int)
    )
    asked = asking(protocol, readout, structured, parser)
    settings = pair_settings(locals())

    call = call_settings(temperature, max_tokens, system)
    pair_set = load_pairs(settings)
    complete = pair_set.pairs
    if pairs is not None:
        pair_set = pair_set.replace(sample_pairs(complete, pairs, seed))
    audit = audit_names(pair_set.pairs, complete)

    return Task(
        dataset=MemoryDataset(half_samples(pair_set.pairs, audit), name=f"veto_{source}"),
        solver=ask_half(protocol, call.limit, call.system, asked.readout, asked.structured),
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
    """Return one sample per half, and one per control if the pairs have controls.

    Samples of a pair are adjacent.

    Args:
        pairs: The pairs.
        audit: Audit flags by pair ID.

    Returns:
        Samples whose metadata identifies pair and half, and the ``probe`` if there are controls.

    Raises:
        InputError: The correct answer to a half of a pair with controls is "no", which would exchange hits
            and false alarms.
    """
    turned = [
        pair.id
        for pair in pairs
        if pair.controls and any(half.target != TARGETS["evidence"] for _, half in pair.halves)
    ]
    if turned:
        raise InputError(
            f"controls require pairs whose correct answers are both 'yes', but '{turned[0]}' and "
            f"{len(turned) - 1} more have another. Rephrase their questions,",
            parameter="controls",
            advice="or omit {}.",
            settings=[Setting("controls", "true")],
        )
    return [
        Sample(
            id=f"{pair.id}_{asked.half}"
            if asked.probe == "evidence"
            else f"{pair.id}_{asked.half}_{asked.probe}",
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
    """Return the prompts of a pair: its halves, then its controls if it has any."""
    own = [_Asked("evidence", name, half.prompt, half.target) for name, half in pair.halves]
    if pair.controls is None:
        return own
    return [
        *own,
        *(_Asked("foil", name, foil.prompt, foil.target) for name, foil in pair.controls.foils),
        *(
            _Asked("ambiguous", name, prompt, TARGETS["ambiguous"])
            for name, prompt in pair.controls.ambiguous
        ),
        *(_Asked("three_way", name, half.prompt, half.target) for name, half in pair.halves),
    ]
