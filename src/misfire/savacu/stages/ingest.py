"""The stage "ingest", which reads prompts from raw rows and normalizes them.

It filters them by length and language, and drops repetitions.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from misfire.datasets.json_rows import Fault
from misfire.datasets.record_errors import SHOWN, raise_problems
from misfire.errors import InputError
from misfire.savacu.languages import identify
from misfire.savacu.prompts import Prompt, make_prompt, normalize
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import IngestReport, StageName
from misfire.savacu.sources import (
    ADVICE,
    FAR_TOO_LONG,
    Drop,
    Filters,
    Source,
    refusal_of,
    row_text,
    source_rows,
)
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of, read_record, shard_key, stale, write_record, write_shard


class IngestStage:
    """Reads and filters the prompts."""

    name: StageName = "ingest"

    def key(self, recipe: Recipe) -> str:
        """See ``BuildStage``."""
        return key_of(self.name, recipe.ingest)

    def run(self, work: Workspace) -> None:
        """See ``BuildStage``."""
        work.progress(self.name, 0, 1)
        table = work.recipe.ingest
        prompts, report = ingest(table.sources, table.filters)
        key = key_of(self.name, *prompts)
        path = work.folder / "ingest" / "prompts.parquet"
        if (there := shard_key(path)) not in (None, key):
            raise stale(path, "its prompts have changed")
        if there is None:
            write_shard(path, prompts, key)
        write_record(work.folder / "ingest" / "report.json", report)
        work.progress(self.name, 1, 1)

    def report(self, folder: Path) -> IngestReport | None:
        """See ``BuildStage``."""
        return read_record(folder / "ingest" / "report.json", IngestReport)


def ingest(sources: Sequence[Source], filters: Filters) -> tuple[list[Prompt], IngestReport]:
    """Read, normalize, and filter prompts.

    Args:
        sources: The sources. If a text occurs several times, its first row is kept. This affects the source
            of the prompt but not its id.
        filters: The filters that prompts must pass.

    Returns:
        The prompts, sorted by id so that the order of the input does not matter, and the report.

    Raises:
        InputError: A source cannot be read, has rows that cannot be used, or no prompt is left.
    """
    if filters.min_chars > filters.max_chars:
        raise InputError(
            f"min_chars ({filters.min_chars}) is greater than max_chars ({filters.max_chars}), so no text "
            "can pass."
        )
    taken = _Taken(filters)
    invalid = 0
    examples: list[str] = []
    for source in sources:
        problems = taken.take(source)
        if not source.skip_invalid:
            raise_problems(source.path or source.name, problems, ADVICE)
        invalid += len(problems)
        examples += [f"{source.name}: {line}" for line in problems]
    report = IngestReport(
        read=taken.read,
        kept=len(taken.kept),
        invalid=invalid,
        dropped={reason: taken.dropped[reason] for reason in sorted(taken.dropped)},
        languages=dict(taken.languages.most_common()),
        examples=tuple(examples[:SHOWN]),
    )
    if not taken.kept:
        raise InputError(
            f"No prompt remains of {taken.read:,} rows ({report.dropped or 'none could be used'}). {ADVICE}"
        )
    return [taken.kept[prompt_id] for prompt_id in sorted(taken.kept)], report


class _Taken:
    """The prompts that were kept so far, with counts of the dropped rows."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self.read = 0
        self.kept: dict[str, Prompt] = {}
        self.dropped: Counter[Drop] = Counter()
        self.languages: Counter[str] = Counter()

    def take(self, source: Source) -> list[str]:
        """Process the rows of a source. Return a message for each row that cannot be used."""
        problems: list[str] = []
        for row in source_rows(source):
            self.read += 1
            text = row_text(row, source.prompt)
            if isinstance(text, Fault):
                problems.append(f"{row.place}, {text}")
            elif (reason := self._take_text(text, source.name, row.place)) is not None:
                self.dropped[reason] += 1
        return problems

    def _take_text(self, text: str, source: str, place: str) -> Drop | None:
        # a text that is far too long is dropped anyway, so it is not worth normalizing
        if len(text.strip()) > FAR_TOO_LONG * self._filters.max_chars:
            return "too_long"
        text = normalize(text)
        if (reason := refusal_of(text, self._filters)) is not None:
            if reason == "language":
                self.languages[identify(text, str(self._filters.language)).best] += 1
            return reason
        prompt = make_prompt(text, source, place)
        if prompt.id in self.kept:
            return "repeat"
        self.kept[prompt.id] = prompt
        return None
