"""Priming (arXiv 2606.18656): does a safety cue make a model misfire more, and which aspect of it?

Run it with ``inspect eval tasks/priming.py --model …`` or ``inspect eval misfire/priming --model …``.
"""

from collections.abc import Mapping, Sequence

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageUser

from misfire import __version__
from misfire.datasets.cues import CueBook, CueName, read_templates, unrelated_sentences
from misfire.datasets.demos import Demo, DemoCount, DemoStyle, demos_for, hold_out
from misfire.datasets.pairs import Pair
from misfire.datasets.sampling import sample_pairs
from misfire.datasets.sources import Edition, Source, load_pairs
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError, Setting

# tells whether a run is being set up, for which Inspect has no public function
from misfire.inspect_compat.calls import active_model
from misfire.model_calls.ask import SystemRole, lacks_system_role
from misfire.model_calls.first_token import Readout
from misfire.model_calls.settings import MaxTokens, Temperature, call_settings
from misfire.model_calls.structured import Structured
from misfire.scorers.answers import Parser
from misfire.scorers.half_notes import HalfNote
from misfire.scorers.priming import SCORER, priming_outcome
from misfire.scorers.sample_labels import CUE, HALF, cue_label, half_label
from misfire.tasks.arms import Arm, AskedHalf, Placement, Position, asked_halves, cross
from misfire.tasks.parameters import PairCount, checked, choices, pair_settings
from misfire.tasks.prompts import Protocol, demo_answer, question_message
from misfire.tasks.readout import Asking, asking
from misfire.tasks.samples import TOLERATED_ERRORS, audit_names, provenance, sample_list
from misfire.tasks.solvers import ask_half

__all__ = ["priming"]


@task
def priming(
    cues: str | list[str] = "published",
    placements: str | list[str] = "stereotyped",
    positions: str | list[str] = "prefix",
    cue_file: str | None = None,
    demos: int | None = None,
    demos_style: DemoStyle = "balanced",
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
    temperature: Temperature = 0.0,
    max_tokens: MaxTokens = "auto",
    system: SystemRole = "auto",
) -> Task:
    """Compare primed arms with an unprimed base arm on the same pairs, in one log.

    The headline metric is the DiD of the first arm.

    The defaults are the published experiment: its cue, before the stereotyped half only.

    Args:
        cues: One or more of published, fairness, policy, neutral, unrelated, evidence, file.
        placements: The halves that get the cue: one or more of stereotyped, contrast, both.
        positions: The position of the cue: one or more of prefix, suffix, system.
        cue_file: Your own cues, one template per line (cue ``file``).
        demos: In-context demonstrations per question: 0, 1, 3, 5 or 10, from scenarios that are held out of
            the evaluation. All numbers, including 0, hold out the same scenarios. By default there are no
            demonstrations, and all pairs are evaluated.
        demos_style: ``balanced`` over halves and answers, or ``published`` (all answers are "yes").
        source: Source of the pairs, as in ``veto``.
        categories: Only these categories. Default: all.
        pairs: Number of pairs to draw, balanced over scenarios. Default: all.
        seed: Random seed of all draws: pairs, wordings, demonstrations.
        protocol: ``direct`` or ``cot``.
        readout: ``text`` or ``logprobs``, as in ``veto``.
        structured: ``off``, ``auto`` or ``on``, as in ``veto``.
        parser: ``strict`` or ``published``.
        bbq_dir: Folder with BBQ's JSONL files (source ``bbq``).
        allow_unverified: Accept BBQ files that are not the official ones (source ``bbq``).
        path: The pair file (source ``file``).
        revision: Full commit hash of the authors' dataset (source ``hub``).
        edition: ``published`` or ``repaired``, as in ``veto`` (source ``bbq``).
        per_scenario: Maximum number of pairs per scenario (edition ``repaired``). Default: 20.
        temperature: The temperature; ``none`` sends none, as in ``veto``.
        max_tokens: ``auto``, a number, or ``none`` to send none, as in ``veto``.
        system: Where the instruction goes, as in ``veto``. Cues with positions=system need a system message.
    """
    checked(
        protocol=(protocol, Protocol), parser=(parser, Parser), pairs=(pairs, PairCount), seed=(seed, int)
    )
    checked(demos=(demos, DemoCount | None), demos_style=(demos_style, DemoStyle))
    chosen = asking(protocol, readout, structured, parser)
    settings = pair_settings(locals())
    arms = cross(
        choices("cues", cues, CueName),
        choices("placements", placements, Placement),
        choices("positions", positions, Position),
    )
    templates = _templates(arms, cue_file)
    call = call_settings(temperature, max_tokens, system)
    _check_system(arms, call.system)

    pair_set = load_pairs(settings)
    book = CueBook(unrelated_sentences(pair_set.pairs), templates, seed)
    held_out = hold_out(pair_set.pairs, demos, seed)
    evaluated = held_out.evaluated if pairs is None else sample_pairs(held_out.evaluated, pairs, seed)
    audit = audit_names(evaluated, pair_set.pairs)
    pair_set = pair_set.replace(evaluated)

    samples = [
        arm_sample(pair, asked, demos_for(pair, held_out, demos or 0, demos_style, seed), chosen, audit)
        for pair in pair_set.pairs
        for asked in asked_halves(pair, arms, book)
    ]
    return Task(
        dataset=MemoryDataset(samples, name=f"priming_{source}"),
        solver=ask_half(protocol, call.limit, call.system, chosen.readout, chosen.structured),
        scorer=[priming_outcome(parser), half_label(), cue_label()],
        config=call.config,
        fail_on_error=TOLERATED_ERRORS,
        version=__version__,
        metadata=provenance(pair_set)
        | {
            "arms": [arm.name for arm in arms],
            "demos": demos,
            "held_out_scenarios": list(held_out.demo_pairs),
            "held_out_pairs": held_out.held,
        },
        headline_metric=HeadlineMetric(scorer=SCORER),  # its first metric: the DiD of the first arm
        viewer=sample_list(SCORER, [HALF, CUE]),
    )


def arm_sample(
    pair: Pair,
    asked: AskedHalf,
    demos: Sequence[Demo],
    asking: Asking,
    audit: Mapping[str, Sequence[str]],
) -> Sample:
    """Return the sample for one distinct text, which may serve several arms.

    Args:
        pair: The pair.
        asked: The text and its arms.
        demos: Demonstrations that come before it as earlier turns.
        asking: Format of questions and answers in the demonstrations.
        audit: Audit flags by pair ID.

    Returns:
        A sample whose metadata contains half, cue and arms.
    """
    turns: list[ChatMessage] = []
    for demo in demos:
        turns += [
            ChatMessageUser(content=question_message(demo.prompt, asking.protocol, asking.readout)),
            ChatMessageAssistant(content=demo_answer(demo.answer, asking.protocol, asking.readout)),
        ]
    name = "_".join(
        part for part in (pair.id, asked.half, asked.cue, asked.position) if part and part != "prefix"
    )
    note = HalfNote.about(pair, asked.half, audit[pair.id]).primed(
        asked.arms,
        asked.arm_numbers,
        cue=asked.cue,
        cue_text=asked.cue_text,
        position=asked.position,
        system_cue=asked.system_cue,
        demos=[demo.pair_id for demo in demos],
    )
    return Sample(
        id=name,
        input=[*turns, ChatMessageUser(content=asked.prompt)] if turns else asked.prompt,
        target=dict(pair.halves)[asked.half].target,
        metadata=note.as_metadata(),
    )


def _check_system(arms: Sequence[Arm], system: SystemRole) -> None:
    """Reject cues in the system message if the model has none.

    In the user message they would be a different experiment.
    """
    model = active_model()
    if any(arm.position == "system" for arm in arms) and (
        system == "user" or (system == "auto" and model is not None and lacks_system_role(model))
    ):
        who = (
            "system=user was given"
            if system == "user"
            else f"the chat template of {model} has no system role"
        )
        raise InputError(
            f"positions=system puts the cue into the system message, but {who}. Use positions=prefix "
            "or suffix."
        )


def _templates(arms: Sequence[Arm], cue_file: str | None) -> tuple[str, ...]:
    wanted = any(arm.cue == "file" for arm in arms)
    if wanted and cue_file is None:
        raise InputError(
            "cue 'file' requires a file:",
            advice="{}, with one cue per line.",
            settings=[Setting("cue_file", "FILE")],
        )
    if cue_file is not None and not wanted:
        raise InputError("cue_file was given, but cues= does not include 'file'. Add it, or omit cue_file.")
    return read_templates(user_path(cue_file)) if cue_file is not None else ()
