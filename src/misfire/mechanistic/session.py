"""The data that all analyses share, and the loop that runs interventions over prompts."""

# many types in pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from misfire.datasets.pairs import HALF_NAMES, HalfName
from misfire.mechanistic.model.batching import BUDGET, sweep_chunks
from misfire.mechanistic.model.decoder import Batch, Decoder
from misfire.mechanistic.model.hooks import Means, mean_outputs
from misfire.mechanistic.probed_pairs import Probed, ProbedPair
from misfire.mechanistic.store import Store

if TYPE_CHECKING:
    import pandas as pd

PromptsT = TypeVar("PromptsT")
CleanT = TypeVar("CleanT")
InterventionT = TypeVar("InterventionT")

Progress = Callable[[str], AbstractContextManager[tuple[Callable[[int], None], Callable[[], None]]]]
"""Opens a progress bar with a title. The context returns two functions: one sets the number of steps, and
one is called after each step."""


def _nothing() -> None:
    """Do nothing; the step function without a progress bar."""


def no_progress(_: str) -> AbstractContextManager[tuple[Callable[[int], None], Callable[[], None]]]:
    """Return a progress bar that shows nothing."""
    return nullcontext((lambda _: None, _nothing))


@dataclass(frozen=True)
class AskedHalf:
    """One half of a selected pair."""

    pair: ProbedPair
    half: HalfName

    @property
    def ids(self) -> tuple[int, ...]:
        """Token IDs of its prompt."""
        return self.pair.prompts[self.half].ids

    @property
    def sign(self) -> int:
        """1 if its right answer is "yes", −1 if it is "no"."""
        return self.pair.sign(self.half)


@dataclass(frozen=True)
class Chunk:
    """Halves that run together.

    Attributes:
        number: Index of the chunk, from 0. Names of stored pieces contain it.
        halves: The halves.
    """

    number: int
    halves: tuple[AskedHalf, ...]

    @property
    def ids(self) -> list[tuple[int, ...]]:
        """Token IDs of each prompt."""
        return [one.ids for one in self.halves]


@dataclass
class Session:
    """A model under study, with the data that its analyses share.

    Attributes:
        decoder: The model.
        probed: The pairs under study.
        budget: Memory budget for activations, in bytes.
        store: Store for finished pieces of work; None to keep nothing.
        progress: Opens progress bars.
        step: Advances the open progress bar; see ``bar``.
    """

    decoder: Decoder
    probed: Probed
    budget: int = BUDGET
    store: Store | None = None
    progress: Progress = no_progress
    step: Callable[[], None] = field(default_factory=lambda: _nothing, init=False)

    @cached_property
    def halves(self) -> tuple[AskedHalf, ...]:
        """Both halves of all pairs, in the order of the pairs."""
        return tuple(AskedHalf(one, half) for one in self.probed.pairs for half in HALF_NAMES)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """All halves, split into replays that fit the budget.

        Prompts with a common beginning stay together.
        """
        split = sweep_chunks(self.decoder, [one.ids for one in self.halves], self.budget)
        return tuple(
            Chunk(number, tuple(self.halves[index] for index in chunk)) for number, chunk in enumerate(split)
        )

    @cached_property
    def means(self) -> Means:
        """Mean outputs of the heads over the prompts of controls, or over all prompts without controls."""
        pairs = self.probed.of("control") or self.probed.pairs
        return mean_outputs(
            self.decoder, [prompt.ids for one in pairs for prompt in one.prompts.values()], self.budget
        )

    def difference(self, batch: Batch) -> Tensor:
        """Run a batch, with any hooks on the model; return logit differences yes − no, shape (prompts,)."""
        return self.decoder.difference(self.decoder.run(batch), self.probed.answers)

    def kept(self, name: str, make: Callable[[], "pd.DataFrame"]) -> "pd.DataFrame":
        """Return a piece of work from the store, or compute and store it."""
        return self.store.frame(name, make) if self.store else make()

    @contextmanager
    def bar(self, title: str, steps: int) -> Generator[None]:
        """Show a progress bar with a number of steps; ``step`` advances it."""
        with self.progress(title) as (started, self.step):
            started(steps)
            try:
                yield
            finally:
                self.step = _nothing

    @torch.no_grad()
    def run_interventions(
        self,
        prompts: Iterable[PromptsT],
        interventions: Sequence[InterventionT],
        *,
        clean: Callable[[PromptsT], CleanT],
        measure: Callable[[PromptsT, CleanT, InterventionT], "pd.DataFrame"],
        piece: Callable[[PromptsT, InterventionT], str] | None = None,
    ) -> "pd.DataFrame":
        """Run each intervention over each group of prompts.

        Each combination is one step of the progress bar and, if it has a name, one piece in the store.

        Args:
            prompts: Groups of prompts that run together.
            interventions: Changes to the model, for example the layers whose heads are ablated one at a time.
            clean: Function that runs a group without an intervention. It is called only when the first piece
                of a group is computed, so a resumed run that has all pieces does not run the model.
            measure: Function that runs a group under an intervention and returns a row for each measurement.
            piece: Function that names a piece. Without it, nothing is stored.

        Returns:
            The rows of all pieces, in the order of computation.
        """
        import pandas as pd

        found: list[pd.DataFrame] = []
        for group in prompts:
            run = cache(partial(clean, group))
            for intervention in interventions:
                found.append(
                    self._piece(piece and piece(group, intervention), group, run, intervention, measure)
                )
                self.step()
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

    def _piece(
        self,
        name: str | None,
        group: PromptsT,
        run: Callable[[], CleanT],
        intervention: InterventionT,
        measure: Callable[[PromptsT, CleanT, InterventionT], "pd.DataFrame"],
    ) -> "pd.DataFrame":
        def make() -> "pd.DataFrame":
            return measure(group, run(), intervention)

        return self.kept(name, make) if name else make()
