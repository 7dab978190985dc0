"""No parser needs more than linear time: ten times the text, about ten times the seconds, from 1 kB to 1 MB."""

import time
from collections.abc import Callable

import pytest

from .targets import TARGETS

READ = {target.name: target.read for target in TARGETS}

GROWN: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "answer keys": ("answers", lambda size: b'"answer": ' * (size // 10)),
    "echoes": ("answers", lambda size: b'{"answer": "yes"} or ' * (size // 21)),
    "half refusals": ("answers", lambda size: b"as an ai I can't " * (size // 17)),
    "open objects": ("verdicts", lambda size: b'{"safety": ' * (size // 11)),
    "marks": ("verdicts", lambda size: b"<message-2></response>" * (size // 22)),
    "many fields": ("pairs", lambda size: b"{" + b",".join(b'"f%d":1' % number for number in range(size // 11)) + b',"f1":2}'),
    "many fields of an instance": ("instances", lambda size: b"{" + b",".join(b'"f%d":1' % number for number in range(size // 11)) + b"}"),
    "many bad lines": ("pairs", lambda size: b'{"id": 1}\n' * (size // 10)),
    "one id for all": ("instances", lambda size: b'{"id":"a","prompt":"p","aligned":"a","misaligned":"m"}\n' * (size // 55)),
    "many columns": ("instances, CSV", lambda size: b",".join(b"c%d" % number for number in range(size // 7)) + b"\n" + b"," * (size // 7)),
    "labels": ("instances, CSV", lambda size: b"prompt,aligned,misaligned,safety\np,a,m," + b"Terrorism;" * (size // 10) + b"\n"),
    "quotes": ("instances, CSV", lambda size: b'prompt,aligned,misaligned\n"' + b'""' * (size // 2)),
    "braces": ("cues", lambda size: b"{{" * (size // 2)),
    "bad cues": ("cues", lambda size: b"{x}\n" * (size // 4)),
}


@pytest.mark.parametrize("name", GROWN)
def test_time_grows_as_the_text(name: str):
    target, make = GROWN[name]
    seconds = {size: _seconds(READ[target], make(size)) for size in (1_000, 100_000, 1_000_000)}
    # 20 for what is linear on a machine with other work; 100 for what is quadratic
    assert seconds[1_000_000] < 35 * max(seconds[100_000], 0.002), seconds
    assert seconds[1_000_000] < 20, seconds


def _seconds(read: Callable[[bytes], None], content: bytes) -> float:
    """CPU time of the better of two readings."""
    best = float("inf")
    for _ in range(2):
        begun = time.process_time()
        read(content)
        best = min(best, time.process_time() - begun)
    return best


if __name__ == "__main__":
    for title, (parser, made) in GROWN.items():
        times = {size: _seconds(READ[parser], made(size)) for size in (1_000, 10_000, 100_000, 1_000_000)}
        shown = "  ".join(f"{1000 * took:9.2f} ms" for took in times.values())
        print(f"{parser:>20} {title:>28} {shown}   growth of the last tenfold: ×{times[1_000_000] / times[100_000]:.1f}")  # noqa: T201
