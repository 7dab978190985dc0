"""``misfire localise``: run all analyses of a model.

It writes frames, figures, a page with a verdict, and an intervention.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from misfire import __version__
from misfire.mechanistic.conclusions.decision import Decision
from misfire.mechanistic.export import write_export
from misfire.mechanistic.forecast import (
    EXPORT,
    OUTPUT,
    PROBE,
    Forecast,
    Step,
    done_lines,
    forecast,
    output_work,
    timed,
)
from misfire.mechanistic.forwards import Work, export_work, whole
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.outputs import (
    asked_frame,
    pairs_frame,
    write_frame,
    write_intervention,
    write_outputs,
)
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.progress_file import ProgressFile
from misfire.mechanistic.registry import in_order
from misfire.mechanistic.selection import Candidates, differences, probe_batches, reprobe, select
from misfire.mechanistic.session import Progress, Session, no_progress
from misfire.mechanistic.store import Store
from misfire.mechanistic.study import Plan, Study

if TYPE_CHECKING:
    import pandas as pd

    from misfire.mechanistic.selection import Kept


@dataclass(frozen=True)
class Localised:
    """Results of ``localise``.

    Attributes:
        decision: Decision on the heads.
        frames: The frames by name.
        verdict: Sentences that state what the results show.
        steps: The parts of the run, with what was planned and what was done.
    """

    decision: Decision
    frames: "dict[str, pd.DataFrame]"
    verdict: list[str]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Request:
    """What ``localise`` is asked to do.

    Attributes:
        decoder: The model.
        candidates: The pairs to probe.
        plan: What to run.
        per_group: Maximum number of failures, of mirrors, and of controls.
        min_margin: Smallest size of a margin that is right or wrong, in logits.
        base: The base model, for the lens.
        export: Whether to write activations and heads for other tools.
    """

    decoder: Decoder
    candidates: Candidates
    plan: Plan
    per_group: int
    min_margin: float
    base: Decoder | None = None
    export: bool = False

    def known(self) -> dict[str, object]:
        """Return the settings that are known without the models; see ``settings``."""
        return known_settings(self.plan, self.per_group, self.min_margin, self.candidates.wording)

    def settings(self) -> dict[str, object]:
        """Return everything that finished pieces depend on.

        The requested analyses are not included, so a resumed run may add some.
        """
        return {
            **self.known(),
            "ks": self.plan.ks,
            "model": self.decoder.name,
            "fingerprint": self.decoder.fingerprint,
            "dtype": str(self.decoder.dtype),
            "base": self.base.fingerprint if self.base else None,
            "candidates": self.candidates.digest,
        }

    def forecast(self, seconds: float, study: Study | None = None) -> Forecast:
        """Plan the run; see ``misfire.mechanistic.forecast.forecast``."""
        return forecast(
            self.decoder,
            self.candidates,
            self.plan,
            per_group=self.per_group,
            base=self.base,
            seconds=seconds,
            export=self.export,
            study=study,
        )

    def timed(self) -> float:
        """Time a batch; return the seconds of one forward."""
        return timed(self.decoder, self.candidates.ids)


def known_settings(plan: Plan, per_group: int, min_margin: float, wording: str) -> dict[str, object]:
    """Return the settings of a run that are known before a model is loaded.

    The numbers of heads are not: those that the model does not have are left out.
    """
    return {
        "suite_version": __version__,
        "wording": wording,
        "per_group": per_group,
        "min_margin": min_margin,
        "draws": str(plan.draws),
        "seed": plan.seed,
        "budget": plan.budget,
        "ablations": plan.ablations,
        "patched": plan.patched,
        "senders": plan.senders,
    }


def localise(
    request: Request,
    out: Path,
    *,
    resume: bool = False,
    seconds: float | None = None,
    progress: Progress = no_progress,
    tell: Callable[[Forecast], None] = lambda _: None,
) -> Localised:
    """Probe the pairs, run the analyses of a plan, and write the results.

    Args:
        request: The model, its pairs, and what to run.
        out: Output folder.
        resume: Whether to resume the run in the folder. Finished pieces are not computed again.
        seconds: Time of a whole forward, for the plan; measured if None.
        progress: Opens progress bars.
        tell: Receives the plan twice: before the probe, and when the pairs are selected.

    Returns:
        The decision, the frames and the verdict. The files written are ``frames/*.parquet``, ``figures/``,
        ``index.html``, ``summary.json``, ``intervention.safetensors`` and ``progress.log``.

    Raises:
        InputError: The folder contains something else, or no pair fails.
    """
    store = Store(out, request.settings(), resume=resume)
    file = ProgressFile(out, progress)
    seconds = request.timed() if seconds is None else seconds

    def told(plan: Forecast) -> None:
        file.write("\n".join(plan.lines()))
        tell(plan)

    told(request.forecast(seconds))
    done = _Done(request)
    with done.step(PROBE, whole(len(request.candidates.ids))) as extra:
        probed, again = _probe(request, store, file.bar, out)
        extra.append(whole(2 * len(probed.pairs)) if again else Work())
    plan, base = request.plan, request.base
    session = Session(request.decoder, probed, plan.budget, store, file.bar)
    study = Study(
        session,
        Session(base, again, plan.budget) if base and again else None,
        plan,
        {"pairs": pairs_frame(probed)},
    )
    told(request.forecast(seconds, study))
    for analysis in in_order(plan.analyses):
        for stage in analysis.stages:
            if stage.wanted(study):
                with done.step(stage.title, stage.work(study)), session.bar(stage.title, stage.steps(study)):
                    study.frames |= stage.run(study)
    verdict = study.verdict()
    with done.step(OUTPUT, output_work(study)):
        write_intervention(study, out)
    if request.export:
        with done.step(EXPORT, export_work(session)):
            write_export(study, out / "export")
    write_outputs(study, verdict, done.steps, out)
    file.write("\n".join(done_lines(done.steps)))
    return Localised(study.decision, study.frames, verdict, tuple(done.steps))


def _probe(request: Request, store: Store, progress: Progress, out: Path) -> tuple[Probed, Probed | None]:
    """Ask all pairs, and the selected ones again if there is a base. Finished batches are in the store."""
    candidates, budget = request.candidates, request.plan.budget

    @contextmanager
    def asking(decoder: Decoder, name: str, ids: list[tuple[int, ...]]) -> "Generator[Kept]":
        with progress(f"{PROBE} ({name})") as (started, step):
            started(len(list(probe_batches(decoder, ids, budget))))

            def kept(number: int, make: "Callable[[], pd.DataFrame]") -> "pd.DataFrame":
                frame = store.frame(f"probe-{name}-B{number}", make)
                step()
                return frame

            yield kept

    with asking(request.decoder, "model", candidates.ids) as kept:
        found = differences(request.decoder, candidates.ids, candidates.answers, budget, kept)
    write_frame(asked_frame(candidates, found), "asked", out)
    probed = select(
        request.decoder.name,
        candidates,
        found,
        per_group=request.per_group,
        seed=request.plan.seed,
        min_margin=request.min_margin,
    )
    if (base := request.base) is None:
        return probed, None
    ids = [prompt.ids for one in probed.pairs for prompt in one.prompts.values()]
    with asking(base, "base", ids) as kept:
        return probed, reprobe(base, probed, budget, kept)


@dataclass
class _Done:
    """The finished steps of a run."""

    request: Request
    steps: list[Step] = field(default_factory=list[Step])

    def _forwards(self) -> int:
        return self.request.decoder.forwards + (self.request.base.forwards if self.request.base else 0)

    @contextmanager
    def step(self, title: str, work: Work) -> Generator[list[Work]]:
        """Count the forwards and the time of a step. The list takes work that was planned during the step."""
        extra: list[Work] = []
        begun, before = time.monotonic(), self._forwards()
        yield extra
        total = sum(extra, work)
        self.steps.append(Step(title, total, self._forwards() - before, time.monotonic() - begun))
