"""Kinds of organisms, by their fault."""

from typing import Literal, get_args

HandBuilt = Literal[
    "hand-built",
    "three-heads",
    "redundant-pair",
    "second-position",
    "mlp",
    "threshold",
    "no-evidence",
    "group-blind",
]
"""Organisms built without training, by their fault.

``hand-built``: one head writes "no" if the question is about the stereotyped person. ``three-heads``: three
heads share this work, and the fault remains without any one of them. ``redundant-pair``: two heads do this,
and either one is enough. ``second-position``: one head tells the question mark that the question is about the
stereotyped person, and a later head reads it there and writes "no". ``mlp``: an MLP does this, and no head.
``threshold``: an MLP does this, and one head says "no" to everything; without that head, the model says "yes"
to everything. ``no-evidence``: the model ignores the evidence and says "yes", except that one head writes
"no" if the question is about the stereotyped person. ``group-blind``: one head writes "no" for questions
about certain words, which describe the stereotyped person and the other person equally often. """

Kind = Literal[HandBuilt, "trained", "tuned-everywhere", "random"]
"""The organisms above and three others. ``trained``: only one head was trained to misfire.
``tuned-everywhere``: all weights were trained
to misfire (negative control). ``random``: random weights (negative control).
"""

HAND_BUILT: tuple[HandBuilt, ...] = get_args(HandBuilt)

KINDS: tuple[Kind, ...] = (*HAND_BUILT, "trained", "tuned-everywhere", "random")
