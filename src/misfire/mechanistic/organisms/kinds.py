"""The kinds of organisms, by their fault."""

from typing import Literal, get_args

HandBuilt = Literal["hand-built", "three-heads", "redundant-pair", "second-position", "mlp", "threshold", "no-evidence", "group-blind"]
"""Organisms made without training, by their fault.

``hand-built``: one head writes "no" where the stereotyped person is asked about. ``three-heads``: three heads share this work, and any one
of them can be missed. ``redundant-pair``: two heads do it, and either suffices. ``second-position``: one head tells the question mark that
the stereotyped person is asked about, and a later head takes it from there and writes "no". ``mlp``: an MLP does it, and no head.
``threshold``: an MLP does it, and one head says "no" to everything, without which the model says "yes" to everything. ``no-evidence``: the
model says "yes" whatever it reads, but for one head that writes "no" where the stereotyped person is asked about. ``group-blind``: one head
writes "no" where certain words are asked about, which are as often the stereotyped person's as the other's.
"""

Kind = Literal[HandBuilt, "trained", "tuned-everywhere", "random"]
"""Beside those made by hand: ``trained``: one head alone was trained to misfire; ``tuned-everywhere``: all weights were (negative control);
``random``: random weights (negative control)."""

HAND_BUILT: tuple[HandBuilt, ...] = get_args(HandBuilt)

KINDS: tuple[Kind, ...] = (*HAND_BUILT, "trained", "tuned-everywhere", "random")
