"""No parser needs more than linear time: ten times the text, about ten times the seconds, up to 1 MB."""

import json
import time
from collections.abc import Callable

import pytest

from .targets import TARGETS, parquet

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
"""From so little that even what grows as the cube is found out before anyone has to wait for it."""

SHORTEST = 0.002
"""Seconds; what took less tells nothing of growth."""

READ = {target.name: target.read_once or target.read for target in TARGETS}


def _fields(size: int) -> bytes:
    return b",".join(b'"f%d":1' % number for number in range(size // 11))


def _instance(number: int) -> dict[str, object]:
    return {
        "id": f"i{number}",
        "prompt": "Why is that so?",
        "aligned": "It is kind to all.",
        "misaligned": "Who would care?",
    }


def _pair(number: int) -> dict[str, object]:
    groups = {"category": "Age", "question_index": "1", "stereotyped_group": "old", "contrast_group": "young"}
    return {
        "id": f"p{number}",
        **groups,
        "stereotyped_prompt": f"Case {number}: one?",
        "contrast_prompt": f"Case {number}: two?",
    }


def _repeated(unit: str) -> Callable[[int], bytes]:
    return lambda size: (unit * (size // len(unit))).encode()


GROWN: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "answer keys": ("answers", lambda size: b'"answer": ' * (size // 10)),
    "echoes": ("answers", lambda size: b'{"answer": "yes"} or ' * (size // 21)),
    "half refusals": ("answers", lambda size: b"as an ai I can't " * (size // 17)),
    "blanks after an answer": ("answers", lambda size: b'{"answer": yes' + b" " * size + b"x"),
    "stars around an answer": (
        "answers",
        lambda size: b'{"answer": "' + b"*" * (size // 2) + b"yes" + b"*" * (size // 2) + b"x",
    ),
    "introductions": ("answers", lambda size: b'Some say so, {"answer": "yes"}? ' * (size // 32)),
    "statements": (
        "answers",
        lambda size: b"So yes, the older electrician in the passage was. " * (size // 50),
    ),
    "a long statement": (
        "answers",
        lambda size: b"Yes, " + b"the passage says that in the text " * (size // 34),
    ),
    "cut answers": ("answers", lambda size: b'{"answer": "yes' * (size // 15)),
    "bare keys": ("answers", lambda size: b"{answer:" * (size // 8)),
    "fences": ("answers", lambda size: b"`" * size),
    "blanks after a key": ("answers", lambda size: b'"answer"' + b" " * size),
    **{
        f"answers, {unit!r}": ("answers", _repeated(unit))
        for unit in (
            '{"answer"\t:\t',
            '{"answer": "unknown"}, ',
            "answer is ",
            "{ ",
            "{\n",
            "yes ",
            "no\n",
            '"',
            "i am sorry ",
            "against my ",
        )
    },
    "open objects": ("verdicts", lambda size: b'{"safety": ' * (size // 11)),
    "open lists": ("verdicts", lambda size: b'{"safety": ' + b"[" * size),
    "marks": ("verdicts", lambda size: b"<message-2></response>" * (size // 22)),
    "marks of all numbers": (
        "verdicts",
        lambda size: b"<message>" + b"".join(b"<message-%d>" % number for number in range(2, size // 14)),
    ),
    "letters": ("replies of a generator", lambda size: b"a" * size),
    "letters of an address": ("replies of a generator", lambda size: b"a." * (size // 2)),
    "signs": ("replies of a generator", lambda size: b"!" * size),
    "steps": ("replies of a generator", lambda size: b"\n1. 2 3,4" * (size // 9)),
    "empty lines": ("replies of a generator", lambda size: b"So" + b"\n" * size + b"x"),
    "many pairs": (
        "pairs",
        lambda size: b"".join(json.dumps(_pair(number)).encode() + b"\n" for number in range(size // 200)),
    ),
    "a list of pairs": (
        "pairs",
        lambda size: json.dumps([_pair(number) for number in range(size // 200)]).encode(),
    ),
    "many fields": ("pairs", lambda size: b"{" + _fields(size) + b',"f1":2}'),
    "many bad lines": ("pairs", lambda size: b'{"id": 1}\n' * (size // 10)),
    "an id of the authors'": (
        "pairs",
        lambda size: json.dumps({**_pair(1), "id": "q1" * (size // 2), "prompts": {}}).encode(),
    ),
    "rows of pairs": (
        "pairs, Parquet",
        lambda size: parquet([_pair(number) for number in range(size // 100 + 1)]),
    ),
    "columns of pairs": (
        "pairs, Parquet",
        lambda size: parquet([{f"c{number}": 1 for number in range(size // 300 + 1)}]),
    ),
    "many fields of an instance": ("instances", lambda size: b"{" + _fields(size) + b"}"),
    "one id for all": (
        "instances",
        lambda size: b'{"id":"a","prompt":"p","aligned":"a","misaligned":"m"}\n' * (size // 55),
    ),
    "fields that differ": (
        "instances",
        lambda size: b"".join(
            b'{"f%d":1,"prompt":"p","aligned":"a","misaligned":"m"}\n' % number
            for number in range(size // 55)
        ),
    ),
    "many columns": (
        "instances, CSV",
        lambda size: b",".join(b"c%d" % number for number in range(size // 7)) + b"\n" + b"," * (size // 7),
    ),
    "many rows": (
        "instances, CSV",
        lambda size: b"prompt,aligned,misaligned\n" + b"Why?,It is.,No.\n" * (size // 16),
    ),
    # a cell of CSV has 131,072 characters at most, which csv itself sees to
    "labels": (
        "instances, CSV",
        lambda size: (
            b"prompt,aligned,misaligned,safety\n" + b"p,a,m,Animal Abuse;animal-abuse;\n" * (size // 33)
        ),
    ),
    "labels in a list": (
        "instances",
        lambda size: json.dumps({**_instance(1), "safety": ["Animal Abuse"] * (size // 16)}).encode(),
    ),
    "quotes": (
        "instances, CSV",
        lambda size: b"prompt,aligned,misaligned\n" + b'"""","""""",""""""""\n' * (size // 22),
    ),
    "an open quote": ("instances, CSV", lambda size: b'prompt,aligned,misaligned\n"' + b"a,\n" * (size // 3)),
    "rows of instances": (
        "instances, Parquet",
        lambda size: parquet([_instance(number) for number in range(size // 60 + 1)]),
    ),
    "columns of instances": (
        "instances, Parquet",
        lambda size: parquet([{**_instance(1), **{f"c{number}": 1 for number in range(size // 300)}}]),
    ),
    "braces": ("cues", lambda size: b"{{" * (size // 2)),
    "slots": ("cues", lambda size: b"{group}" * (size // 7)),
    "open slots": ("cues", lambda size: b"{" * size),
    "bad cues": ("cues", lambda size: b"{x}\n" * (size // 4)),
}


def test_each_parser_is_tested_for_growth():
    assert {parser for parser, _ in GROWN.values()} == set(READ)


@pytest.mark.slow
@pytest.mark.parametrize("name", GROWN)
def test_time_grows_in_proportion_to_the_text(name: str):
    target, make = GROWN[name]
    READ[target](make(SIZES[0]))  # what a first reading imports is none of its work
    before = seconds_of(READ[target], make(SIZES[0]))
    for size in SIZES[1:]:
        content = make(size)
        # 20 for what is linear on a machine with other work; 100 for what is quadratic
        limit = 35 * max(before, SHORTEST)
        seconds = seconds_of(READ[target], content)
        for _ in range(3):  # what else the machine does makes CPU time longer, and never shorter
            if seconds >= limit:
                seconds = min(seconds, seconds_of(READ[target], content))
        assert seconds < limit, f"{size:,} bytes took {seconds:.3f} s, a tenth of them {before:.3f} s"
        before = seconds


def seconds_of(read: Callable[[bytes], None], content: bytes) -> float:
    """CPU time of a reading."""
    started = time.process_time()
    read(content)
    return time.process_time() - started
