"""The rounds of writing and judging of one generator.

Each round writes its state once, and the next round reads it.

For each shard of pairs, round N reads ``rounds/GENERATOR/N-1`` and writes three files:
``respond/GENERATOR/N`` (the responses), ``judge/GENERATOR/N`` (the verdicts), and ``rounds/GENERATOR/N`` (the
resulting state).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from misfire.savacu.build_view import BuildView
from misfire.savacu.prompting.judge import (
    JudgedResponses,
    JudgeStep,
    ToJudge,
    after_judging,
    next_round,
    to_judge,
)
from misfire.savacu.prompting.respond import Responded, RespondStep, ToRespond
from misfire.savacu.recipe import Generator
from misfire.savacu.records import PairState, Rejection, ResponsePair
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of, read_shard, shard_key, stale, write_shard


@dataclass(frozen=True)
class Rounds:
    """The rounds of one generator.

    Attributes:
        view: The build.
        generator: The generator.
    """

    view: BuildView
    generator: Generator

    def items(self, number: int, at: int) -> list[ToRespond]:
        """Return the pairs of a shard to write in a round.

        Args:
            number: The round; 0 is the first.
            at: The shard.

        Returns:
            Every pair in the first round. In later rounds, the pairs that have not passed, with the faults of
            their responses.
        """
        first = self._first_items(at)
        if number == 0:
            return first
        item_of = {item.id: item for item in first}
        following = (
            next_round(item_of[state.id], state.drafts, number) for state in self._states(number - 1, at)
        )
        return [item for item in following if item is not None]

    def items_to_judge(self, number: int, at: int) -> list[ToJudge]:
        """Return the responses of a shard to judge after a round of writing.

        Raises:
            InputError: The responses are missing, damaged, or belong to other pairs.
        """
        waiting = (to_judge(item, responded.drafts) for item, responded in self._responded(number, at))
        return [item for item in waiting if item is not None]

    def write_state(self, number: int, at: int) -> None:
        """Write the state of a shard after a round, unless the existing file is up to date.

        Raises:
            InputError: The responses or verdicts are missing, damaged, or belong to other pairs.
        """
        judged = {
            outcome.id: outcome for outcome in read_shard(self._judged_path(number, at), JudgedResponses)
        }
        states = [
            PairState(id=item.id, drafts=after_judging(responded.drafts, judged.get(item.id)))
            for item, responded in self._responded(number, at)
        ]
        # the key is a hash of the content: a shard that was deleted and made again has the same key even if
        # its replies differ
        key, path = key_of("round", *states), self._state_path(number, at)
        if shard_key(path) != key:
            write_shard(path, states, key)

    def finish(self, at: int) -> dict[int, int]:
        """Write the final pairs of a shard, with all rejections.

        Args:
            at: The shard.

        Returns:
            The number of responses that were written in each round.
        """
        last: dict[str, PairState] = {}
        items = self._first_items(at)
        written: dict[int, int] = {}
        rejections: dict[str, list[Rejection]] = {item.id: [] for item in items}
        for number in range(self.view.recipe.respond.rounds + 1):
            states = self._states(number, at)
            last |= {state.id: state for state in states}
            for state in states:
                rejections[state.id] += state.rejections(number)
            written[number] = sum(
                draft.round == number for state in states for draft in state.drafts.values()
            )
        pairs = [
            ResponsePair(
                id=item.id,
                prompt_id=item.prompt_id,
                generator=item.generator,
                drafts=last[item.id].drafts,
                rejections=tuple(rejections[item.id]),
                passed=last[item.id].passed,
            )
            for item in items
        ]
        write_shard(self.view.pairs_path(self.generator, at), pairs, key_of("pairs", *pairs))
        return written

    def _first_items(self, at: int) -> list[ToRespond]:
        """Return the pairs of a shard before the first round."""
        size, name = self.view.recipe.shard_size, self.generator.name
        return [
            ToRespond(
                id=f"{prompt.id}_{name}",
                prompt_id=prompt.id,
                text=prompt.text,
                domains=prompt.domains,
                generator=name,
            )
            for prompt in self.view.kept[at * size : (at + 1) * size]
        ]

    def _responded(self, number: int, at: int) -> Iterator[tuple[ToRespond, Responded]]:
        """Return the pairs that were written in a round, with their responses."""
        path = self._responded_path(number, at)
        items, outcomes = self.items(number, at), read_shard(path, Responded)
        if [item.id for item in items] != [outcome.id for outcome in outcomes]:
            raise stale(path, "it holds replies for other items")
        return zip(items, outcomes, strict=True)

    def _states(self, number: int, at: int) -> list[PairState]:
        return read_shard(self._state_path(number, at), PairState)

    def _responded_path(self, number: int, at: int) -> Path:
        return self.view.complete("respond", f"{self.generator.name}/{number}/{at:05d}.parquet")

    def _judged_path(self, number: int, at: int) -> Path:
        return self.view.complete("judge", f"{self.generator.name}/{number}/{at:05d}.parquet")

    def _state_path(self, number: int, at: int) -> Path:
        return self.view.folder / "rounds" / self.generator.name / str(number) / f"{at:05d}.parquet"


def write_round(work: Workspace, generator: Generator, number: int) -> None:
    """Have a generator write the responses of round ``number``; 0 is the first round."""
    rounds, table, count = Rounds(work.view, generator), work.recipe.respond, work.view.shard_count
    shards = (rounds.items(number, at) for at in range(count))
    step = RespondStep(table.settings_of(generator), table.rules)
    work.shards.run_shards(f"respond/{generator.name}/{number}", step, generator, shards, count)


def judge_round(work: Workspace, generator: Generator, number: int) -> None:
    """Have the evaluator judge the responses that a generator wrote in round ``number``.

    The function also writes the resulting states.
    """
    rounds, count = Rounds(work.view, generator), work.view.shard_count
    shards = (rounds.items_to_judge(number, at) for at in range(count))
    work.shards.run_shards(
        f"judge/{generator.name}/{number}",
        JudgeStep(work.recipe.judge.overrides),
        work.recipe.judge.model,
        shards,
        count,
    )
    for at in range(count):
        rounds.write_state(number, at)
