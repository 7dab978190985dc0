"""From rows to prompts: what is read, what is dropped, and that every row is accounted for."""

import json
import random
from pathlib import Path

import pytest

from misfire.datasets.parquet import write_parquet
from misfire.errors import InputError
from misfire.savacu.languages import identify
from misfire.savacu.records import IngestReport
from misfire.savacu.sources import Filters, Source
from misfire.savacu.stages.ingest import ingest

ROWS = [
    "How do I keep bees in a small garden?",
    "  How do I keep bees\u00a0in a small garden?",
    "Wie kann ich meinen Lebenslauf für eine Stelle im Vertrieb verbessern?",
    "Hm?",
    " \n ",
    "why " * 2000,
    "Which dishes should I cook for a feast of my village?",
]


def written(folder: Path, ending: str, rows: list[str], column: str = "prompt") -> Path:
    path = folder / f"prompts.{ending}"
    if ending == "parquet":
        write_parquet([{column: row} for row in rows], {column: str}, path)
    elif ending == "csv":
        path.write_text(
            f"{column},other\n" + "".join('"{}",x\n'.format(row.replace('"', '""')) for row in rows),
            encoding="utf-8",
        )
    else:
        path.write_text("".join(json.dumps({column: row}) + "\n" for row in rows), encoding="utf-8")
    return path


def total(counts: IngestReport) -> int:
    return counts.kept + counts.invalid + sum(counts.dropped.values())


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_every_row_is_kept_or_counted(tmp_path: Path, ending: str):
    prompts, counts = ingest([Source(path=str(written(tmp_path, ending, ROWS)))], Filters())
    assert sorted(prompt.text for prompt in prompts) == [ROWS[0], ROWS[6]]
    assert counts.dropped == {"empty": 1, "language": 1, "repeat": 1, "too_long": 1, "too_short": 1}
    assert counts.languages == {"de": 1}
    assert total(counts) == counts.read == len(ROWS)


def test_the_order_of_the_input_does_not_matter(tmp_path: Path):
    first, _ = ingest([Source(path=str(written(tmp_path, "jsonl", ROWS)))], Filters())
    shuffled = random.Random(3).sample(ROWS, len(ROWS))
    second, _ = ingest([Source(path=str(written(tmp_path, "csv", shuffled)))], Filters())
    assert [(prompt.id, prompt.text) for prompt in first] == [(prompt.id, prompt.text) for prompt in second]


def test_a_source_can_have_another_column_and_any_language(tmp_path: Path):
    source = Source(path=str(written(tmp_path, "csv", ROWS, column="text")), prompt="text")
    _, counts = ingest([source], Filters(language=None, max_chars=20_000))
    assert counts.dropped == {"empty": 1, "repeat": 1, "too_short": 1}


def test_bad_rows_are_all_reported_together_or_counted(tmp_path: Path):
    path = tmp_path / "prompts.jsonl"
    path.write_text(
        '{"prompt": "How do I keep bees in a garden?"}\nnonsense\n{"text": "a"}\n{"prompt": 7}\n',
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="3 bad records") as raised:
        ingest([Source(path=str(path))], Filters())
    assert all(
        said in str(raised.value)
        for said in ("line 2", "not JSON", "line 3", "no field 'prompt'", "line 4", "got 7")
    )

    _, counts = ingest([Source(path=str(path), skip_invalid=True)], Filters())
    assert (counts.kept, counts.invalid, counts.read) == (1, 3, 4)
    assert counts.examples[0].startswith("prompts.jsonl: line 2")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("question\nWhat is it?\n", "no column 'prompt'"),
        ('prompt\n"open\n', "a quote is not closed"),
    ],
)
def test_an_unusable_file_is_reported(tmp_path: Path, content: str, said: str):
    path = tmp_path / "prompts.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        ingest([Source(path=str(path))], Filters())


def test_a_missing_file_is_reported(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        ingest([Source(path=str(tmp_path / "none.csv"))], Filters())


def test_filters_that_leave_nothing_are_refused(tmp_path: Path):
    source = Source(path=str(written(tmp_path, "jsonl", ROWS)))
    with pytest.raises(InputError, match="No prompt remains of 7 rows"):
        ingest([source], Filters(min_chars=9000, max_chars=9000))
    with pytest.raises(InputError, match="no text can pass"):
        ingest([source], Filters(min_chars=50, max_chars=20))


@pytest.mark.parametrize("text", ["Who is Shigeru", "What is a GPU?", "what is love?", "Name 10 colors"])
def test_a_short_english_prompt_is_not_refused(text: str):
    assert identify(text, "en").probability >= Filters().least_probability


def test_the_real_prompts_are_all_accounted_for(shared: Path):
    path = shared / "savacu" / "prompts_with_domains.csv"
    prompts, counts = ingest([Source(path=str(path))], Filters())
    assert total(counts) == counts.read == 20_148
    assert counts.dropped["repeat"] == 171
    assert counts.dropped["language"] < 50
    assert len({prompt.id for prompt in prompts}) == counts.kept > 19_900
