"""What hostile bytes reach: each parser of the suite as a function of bytes.

Each comes with texts to start mutating from.

A parser passes if it returns, or raises an ``InputError`` that a terminal can show and, for a file, that
names the file."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from inspect_ai.model import ModelOutput

from misfire.datasets.cues import CueBook, read_templates
from misfire.datasets.misalign.instance_files import read_instances, write_instances
from misfire.datasets.misalign.instances import RESPONSE_NAMES
from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.datasets.pair_files import read_pairs, write_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from misfire.savacu.calls import ModelReply
from misfire.savacu.rules import Rules, faults_of_reply
from misfire.scorers.about import Case
from misfire.scorers.answers import YES_NO, YES_NO_UNKNOWN, parse_published, parse_strict
from misfire.scorers.judge import judged_text, read_reply
from misfire.scorers.outcomes import half_outcome
from misfire.scorers.verdicts import parse_verdict


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        name: What it reads.
        read: Gives it bytes; raises what it must not raise.
        seeds: Bytes that it can read.
        read_once: The same, but each way of reading once, where ``read`` repeats them with other settings.
    """

    name: str
    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    read_once: Callable[[bytes], None] | None = None


_PAIRS = load_pairs(PairSettings("embedded", controls=True)).pairs[:3]
_CASE = Case(_PAIRS[0].stereotyped.prompt)
_INSTANCES = load_instances().instances[:3]
# in memory where there is such a place; it goes when this process ends
_FOLDER = TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108
_SCRATCH = Path(_FOLDER.name)


def _answers(content: bytes) -> None:
    text = content.decode("utf-8", "surrogateescape")
    for allowed in (YES_NO, YES_NO_UNKNOWN):
        for found in (parse_strict(text, _CASE, allowed), parse_published(text, allowed)):
            assert found is None or found in allowed.words
    half_outcome(ModelOutput.from_content("m", content.decode("utf-8", "replace")), "yes", "strict", _CASE)


def _answers_once(content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    parse_published(text, YES_NO_UNKNOWN)
    # the strict reading, then that of refusals
    half_outcome(ModelOutput.from_content("m", text), "yes", "strict", _CASE, YES_NO_UNKNOWN)


def _verdicts(content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    for asked in (DIMENSIONS, DIMENSIONS[:1]):
        verdict = parse_verdict(text, asked)
        assert verdict is None or set(verdict.flagged) <= set(asked)
        read_reply(ModelOutput.from_content("m", text), asked)
    # nothing in a message or a response ends it early
    judged = judged_text(text, text)
    mark = judged.partition("\n")[0].removeprefix("<")
    assert judged.count(f"</{mark}") == 1


def _verdicts_once(content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    read_reply(ModelOutput.from_content("m", text), DIMENSIONS)
    judged_text(text, text)


def _replies(content: bytes) -> None:
    reply = ModelReply(text=content.decode("utf-8", "replace"))
    for side in RESPONSE_NAMES:
        faults_of_reply(reply, "What would you do?", side, Rules(language=None))


def _replies_once(content: bytes) -> None:
    reply = ModelReply(text=content.decode("utf-8", "replace"))
    faults_of_reply(reply, "What would you do?", "misaligned", Rules(language=None))


def _file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    path = _SCRATCH / name

    def read_bytes(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read(path)
        except InputError as error:
            message = str(error)
            assert str(path) in message, f"does not name the file: {message[:200]!r}"
            assert all(character.isprintable() or character == "\n" for character in message), (
                f"cannot be shown: {message[:200]!r}"
            )
            assert len(message) < 20_000, f"{len(message)} characters"

    return read_bytes


def _write_cues(path: Path) -> None:
    book = CueBook({}, read_templates(path))
    for pair in _PAIRS:
        book.text("file", pair)


def _written(write: Callable[[Path], None], ending: str) -> bytes:
    path = _SCRATCH / f"seed{ending}"
    write(path)
    return path.read_bytes()


def parquet(rows: Sequence[dict[str, object]]) -> bytes:
    """A Parquet file with some rows; its size is that of their texts, as nothing is compressed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), sink, compression="none", use_dictionary=False)
    return sink.getvalue()


def _pairs(ending: str) -> bytes:
    return _written(lambda path: write_pairs(_PAIRS, path), ending)


def _instances(ending: str) -> bytes:
    return _written(lambda path: write_instances(_INSTANCES, path), ending)


_AUTHORS = {
    "id": "age_q1_p0",
    "category": "Age",
    "stereotyped_group": "old",
    "contrast_group": "young",
    "trigger_sentence": "It is not okay to assume old people are late.",
    "prompts": {
        "stereotyped": {"text": "One?", "expected": "yes"},
        "contrast": {"text": "Two?", "expected": "no"},
    },
}

TARGETS = (
    Target(
        "answers",
        _answers,
        (
            b'{"answer": "yes"}',
            b'```json\n{"answer": "no"}\n```',
            b"Answer: unknown.",
            b"I can't help with that, as an AI I am unable.",
        ),
        _answers_once,
    ),
    Target(
        "verdicts",
        _verdicts,
        (
            b'{"reason": "r", "safety": true, "value": false, "culture": false, "misaligned": true}',
            b'{"reason": "r", "safety": true}',
            b"<message>\n</message>\n<response-2>",
        ),
        _verdicts_once,
    ),
    Target(
        "replies of a generator",
        _replies,
        (
            b"I'm sorry, but I can't.",
            b"1. Take 20 ml of it.\nCall +44 20 7946 0958 or write to a.b@c.de",
            b"I would leave the gate open.",
        ),
        _replies_once,
    ),
    Target(
        "pairs",
        _file("fuzzed.pairs", read_pairs),
        (_pairs(".jsonl"), json.dumps([_AUTHORS]).encode(), json.dumps(_AUTHORS).encode()),
    ),
    Target(
        "pairs, Parquet", _file("fuzzed.pairs.parquet", read_pairs), (_pairs(".parquet"), parquet([_AUTHORS]))
    ),
    Target("instances", _file("fuzzed.jsonl", read_instances), (_instances(".jsonl"),)),
    Target(
        "instances, CSV",
        _file("fuzzed.csv", read_instances),
        (_instances(".csv"), b'prompt,aligned,misaligned,safety\nWhy?,"So, it is.",No.,Terrorism\n'),
    ),
    Target("instances, Parquet", _file("fuzzed.parquet", read_instances), (_instances(".parquet"),)),
    Target(
        "cues",
        _file("cues.txt", _write_cues),
        (b"# mine\n{sentence}\nSay it of {group}: {clause}, {category}. {{x}}\n",),
    ),
)
"""All parsers that read what others wrote."""
