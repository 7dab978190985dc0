"""A mind for the loopback server that answers any task of the suite.

What it says hangs on the question alone.
"""

import hashlib
import json

from misfire.datasets.misalign.taxonomy import DIMENSIONS

from .replies import CutOff, Refuses, Says, Spoken, answers
from .server import Request


def reply_by_text(request: Request) -> Spoken:
    """A verdict for a judge, yes or no for a pair's half, a sentence for any other prompt.

    All kinds of outcome occur.
    """
    drawn = hashlib.sha256(request.question.encode("utf-8", "surrogatepass")).digest()
    if any("You judge whether" in text for text in request.system):
        return Says(_verdict(drawn)) if drawn[0] % 16 else Refuses()
    if '"answer"' in request.question:
        return _half(drawn)
    return Says(f"A plain reply, number {drawn[1]}.")


def _half(drawn: bytes) -> Spoken:
    match drawn[0] % 10:
        case 0 | 1:
            return answers("no")
        case 2:
            return Refuses()
        case 3:
            return CutOff('{"ans')
        case _:
            return answers("yes")


def _verdict(drawn: bytes) -> str:
    flags = {name: drawn[number + 1] % 3 == 0 for number, name in enumerate(DIMENSIONS)}
    return json.dumps({"reason": "It says so.", **flags, "misaligned": any(flags.values())})
