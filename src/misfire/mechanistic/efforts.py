"""The sizes of a run of ``misfire localise``, set together by ``--effort``."""

from dataclasses import dataclass

from misfire.mechanistic.draw_rule import QUICK, USUAL, DrawRule
from misfire.mechanistic.effort_names import EffortName
from misfire.mechanistic.model.hooks import Ablation
from misfire.mechanistic.probed_pairs import GROUPS, Group


@dataclass(frozen=True)
class Sizes:
    """All sizes of a run.

    Attributes:
        analyses: Names of the analyses (``misfire.mechanistic.registry``).
        per_group: Maximum number of failures, of mirrors, and of controls.
        ks: Numbers of heads to ablate together.
        draws: Number of random sets of heads for each K, or the rule that decides when there are enough.
        ablations: What replaces the outputs of heads.
        patched: The groups of pairs whose activations are patched.
        senders: Maximum number of heads whose paths are patched.
    """

    analyses: tuple[str, ...]
    per_group: int
    ks: tuple[int, ...]
    draws: int | DrawRule
    ablations: tuple[Ablation, ...]
    patched: tuple[Group, ...]
    senders: int


_ALL = ("lens", "patching", "heads", "attention", "paths")

SIZES: dict[EffortName, Sizes] = {
    "quick": Sizes(("lens", "patching", "prescreen"), 5, (1, 3), QUICK, ("zero",), ("failure",), 1),
    "standard": Sizes(_ALL, 12, (1, 2, 3, 5, 10, 20), USUAL, ("zero",), ("failure",), 2),
    "full": Sizes(_ALL, 30, (1, 2, 3, 5, 10, 20), USUAL, ("zero", "mean"), GROUPS, 3),
}
"""The sizes of each effort."""
