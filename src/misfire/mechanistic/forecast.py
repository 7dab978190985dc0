"""The plan of a run in numbers, before it starts, and what it did, afterward."""

# many types in torch are unknown
# pyright: reportUnknownMemberType=false

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from misfire.mechanistic.forwards import Work, export_work, means_work, whole
from misfire.mechanistic.model.batching import batches
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.registry import in_order
from misfire.mechanistic.selection import Candidates
from misfire.mechanistic.session import Session
from misfire.mechanistic.study import Plan, Study
from misfire.reports.number_format import count

PROBE = "Probing pairs"
OUTPUT = "Output files"
EXPORT = "Export"

_TIMED = 8
"""Number of prompts in the timed batch."""

_GIB = 2**30


@dataclass(frozen=True)
class Step:
    """A part of a run.

    Attributes:
        title: What it does.
        work: The forwards that were planned.
        forwards: The forwards that it made; None before it ran.
        seconds: The time that it took; None before it ran.
    """

    title: str
    work: Work
    forwards: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Forecast:
    """The plan of a run in numbers.

    Attributes:
        asked: Number of pairs that are probed.
        lengths: Smallest and largest number of tokens of a prompt.
        steps: The parts of the run.
        seconds: Time of a whole forward, from a timed batch.
        memory: Memory in bytes: what the process or the device holds with the model loaded, and the largest
            activations; None if it is not known.
        at_most: Whether group sizes are not known yet, so that all numbers but those of the probe are upper
            bounds.
    """

    asked: int
    lengths: tuple[int, int]
    steps: tuple[Step, ...]
    seconds: float
    memory: int | None
    at_most: bool

    @property
    def total(self) -> Work:
        """The work of all steps together."""
        found = Work()
        for step in self.steps:
            found += step.work
        return found

    def lines(self) -> list[str]:
        """Return the plan as lines of text."""
        shortest, longest = self.lengths
        rows = [
            ("", "forwards", "as whole", "time"),
            *(self._row(step.title, step.work) for step in self.steps),
            self._row("Total", self.total),
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        memory = "not known" if self.memory is None else f"about {self.memory / _GIB:.1f} GiB"
        return [
            f"{self.asked} pairs to probe, prompts of {shortest} to {longest} tokens; "
            f"{self.seconds:.3f} s for a whole forward (timed on {_TIMED} prompts); memory {memory}",
            *(
                f"{row[0]:<{widths[0]}}  "
                + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
                for row in rows
            ),
            "A forward is one prompt under one intervention. Most run only some layers: their cost is "
            "that of the whole forwards in the next column. \u2264 marks upper bounds.",
        ]

    def _row(self, title: str, work: Work) -> tuple[str, str, str, str]:
        bound = "\u2264 " if work.at_most else ""
        return (
            title,
            f"{bound}{count(work.forwards)}",
            f"{bound}{count(work.whole)}",
            f"{bound}{duration(work.whole * self.seconds)}",
        )


def duration(seconds: float) -> str:
    """Format a time, such as "42 s", "7 min" or "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def forecast(
    decoder: Decoder,
    candidates: Candidates,
    plan: Plan,
    *,
    per_group: int,
    base: Decoder | None,
    seconds: float,
    export: bool = False,
    study: Study | None = None,
) -> Forecast:
    """Plan a run.

    Args:
        decoder: The model.
        candidates: The pairs that are probed.
        plan: Settings of the run.
        per_group: Maximum number of pairs in each group.
        base: The base model for the lens.
        seconds: Time of a whole forward; see ``timed``.
        export: Whether activations are exported.
        study: The study with the selected pairs. Before the probe it is None, and the largest selection
            counts.
    """
    lengths = [len(ids) for ids in candidates.ids]
    known = study is not None
    if study is None:
        probed = candidates.stand_in(per_group)
        study = Study(
            Session(decoder, probed, plan.budget), Session(base, probed, plan.budget) if base else None, plan
        )
    steps = [Step(PROBE, whole(len(lengths)) + (whole(len(study.session.halves)) if base else Work()))]
    steps += [
        Step(stage.title, stage.work(study))
        for analysis in in_order(plan.analyses)
        for stage in analysis.stages
        if stage.wanted(study)
    ]
    steps.append(Step(OUTPUT, output_work(study)))
    if export:
        steps.append(Step(EXPORT, export_work(study.session)))
    if not known:
        first, *rest = steps
        bounds = [replace(step, work=replace(step.work, at_most=True)) for step in rest]
        steps = [first if base is None else replace(first, work=replace(first.work, at_most=True)), *bounds]
    return Forecast(
        asked=len(candidates.pairs),
        lengths=(min(lengths), max(lengths)),
        steps=tuple(steps),
        seconds=seconds,
        memory=_memory(decoder, study),
        at_most=not known,
    )


def output_work(study: Study) -> Work:
    """Return the work of the output files: directions of failures, and mean outputs unless they are known."""
    session = study.session
    known = any(analysis.name == "heads" for analysis in in_order(study.plan.analyses)) and (
        "mean" in study.plan.ablations
    )
    return whole(2 * len(session.probed.of("failure"))) + (Work() if known else means_work(session))


@torch.no_grad()
def timed(decoder: Decoder, prompts: Sequence[Sequence[int]]) -> float:
    """Time a batch of prompts of medium length; return the seconds of one forward.

    The model is run once before, because a first run is slower.
    """
    middle = sorted(prompts, key=len)[len(prompts) // 2 :][:_TIMED]
    batch = decoder.batch(middle)
    decoder.run(decoder.batch(middle[:1]))
    started = time.perf_counter()
    float(decoder.run(batch).sum())  # reading a number waits for the device
    return (time.perf_counter() - started) / len(middle)


def _memory(decoder: Decoder, study: Study) -> int | None:
    """Return the memory with the model loaded and the largest activations, in bytes."""
    held = peak_memory() if decoder.device.type == "cpu" else _weights(decoder)
    if held is None:
        return None
    width, size = decoder.width, decoder.dtype.itemsize
    layers, kept = len(decoder.layout.layers), 24
    tokens = max(sum(len(ids) for ids in chunk.ids) for chunk in study.session.chunks)
    probe = max(
        batch.ids.numel()
        for _, batch in batches(decoder, study.session.chunks[0].ids, study.plan.budget, layers=8)
    )
    # what a sweep keeps for each token is the input and the heads of every layer, and one layer at work
    return held + int(min(study.plan.budget, max(tokens * (2 * layers + kept), probe * kept) * width * size))


def _weights(decoder: Decoder) -> int:
    return sum(weight.numel() * weight.element_size() for weight in decoder.model.parameters())


def peak_memory() -> int | None:
    """Return the largest memory that this process has held, in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def work_rows(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Return the steps of a run for ``summary.json``."""
    return [
        {
            "step": step.title,
            "planned": step.work.forwards,
            "at_most": step.work.at_most,
            "planned_whole": round(step.work.whole, 1),
            "forwards": step.forwards,
        }
        for step in steps
    ]


def done_lines(steps: Sequence[Step]) -> list[str]:
    """Return what a run did and how long it took as lines of text."""
    memory = peak_memory()
    lines = [
        f"{step.title}: {count(step.forwards or 0)} forwards, planned {'≤ ' if step.work.at_most else ''}"
        f"{count(step.work.forwards)}; {duration(step.seconds or 0.0)}"
        for step in steps
    ]
    held = [] if memory is None else [f"Largest memory of the process: {memory / _GIB:.2f} GiB"]
    return ["Finished.", *lines, *held]
