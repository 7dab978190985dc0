"""The metadata of a sample of VETO or priming: which half of which pair it asks, and in which arms.

Tasks write it, and scorers, reports and the mechanistic analyses read it, always through ``HalfNote``. The keys
in a log are the names of its fields.
"""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import ConfigDict, Field

from misfire.datasets.pairs import HalfName, Pair
from misfire.scorers.notes import Note
from misfire.scorers.probes import Probe

BASE = "base"
"""Name of the arm without a cue, with which all other arms are compared. A sample of VETO belongs to it."""

_OF_PRIMING = frozenset({"arm_numbers", "cue", "cue_text", "position", "system_cue", "demos"})
"""Fields that only tasks with arms write, beside the arms themselves."""


class HalfNote(Note):
    """Metadata of a sample that asks a half of a pair, or one of the pair's controls.

    The model never sees it.

    Attributes:
        pair_id: The pair.
        half: Which half of the pair.
        category: The pair's category.
        subcategory: BBQ's finer division, if it has one.
        scenario: The pair's scenario, the unit by which intervals are clustered.
        stereotyped_group: The group that the stereotype is about.
        contrast_group: The group of the contrast half's answer.
        example_id: Number of the BBQ example that the half was built from. None for pairs of other origin.
        audit: The audit flags that the pair carries. None in a log of a version that did not write them.
        probe: Which prompt of the pair the sample asks. Written only in runs with controls.
        arms: The arms of the priming experiment that the sample serves. None in VETO.
        arm_numbers: For each of these arms its place in the run's order; the base arm has 0. None in VETO.
        cue: The cue. None without one.
        cue_text: The text of the cue.
        position: Where the cue stands.
        system_cue: The text of the cue if it stands in the system message.
        demos: Ids of the pairs that are shown as demonstrations, in order. None in VETO.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    # The order of the fields is the order of the keys in a log.
    pair_id: str = Field(min_length=1)
    half: HalfName
    category: str
    subcategory: str | None = None
    scenario: str
    stereotyped_group: str | None = None
    contrast_group: str | None = None
    example_id: int | None = None
    audit: tuple[str, ...] | None = None
    probe: Probe = "evidence"
    arms: tuple[str, ...] | None = None
    arm_numbers: tuple[int, ...] | None = None
    cue: str | None = None
    cue_text: str | None = None
    position: str | None = None
    system_cue: str | None = None
    demos: tuple[str, ...] | None = None

    @classmethod
    def about(cls, pair: Pair, half: HalfName, audit: Sequence[str]) -> Self:
        """The note of one half of a pair.

        Args:
            pair: The pair.
            half: Which half of it.
            audit: The audit flags that the pair carries.

        Returns:
            The note without a probe and without arms.
        """
        return cls(
            pair_id=pair.id,
            half=half,
            category=pair.category,
            subcategory=pair.subcategory,
            scenario=pair.scenario,
            stereotyped_group=pair.stereotyped_group,
            contrast_group=pair.contrast_group,
            example_id=dict(pair.halves)[half].example_id,
            audit=tuple(audit),
        )

    def asked_as(self, probe: Probe) -> Self:
        """The same note for a run with controls, which names the prompt that the sample asks."""
        return self.model_copy(update={"probe": probe})

    def primed(
        self,
        arms: Sequence[str],
        arm_numbers: Sequence[int],
        *,
        cue: str | None,
        cue_text: str | None,
        position: str | None,
        system_cue: str | None,
        demos: Sequence[str],
    ) -> Self:
        """The same note for a sample of the priming experiment. The arguments are the fields of these names."""
        return self.model_copy(
            update={
                "arms": tuple(arms),
                "arm_numbers": tuple(arm_numbers),
                "cue": cue,
                "cue_text": cue_text,
                "position": position,
                "system_cue": system_cue,
                "demos": tuple(demos),
            }
        )

    @property
    def lacks_arms(self) -> bool:
        """Whether other keys show that the sample is one of priming, and yet it names no arms.

        So it is in the summary of a sample that serves dozens of arms, since Inspect leaves long lists out of
        summaries.
        """
        return self.arms is None and not self.model_fields_set.isdisjoint(_OF_PRIMING)

    @property
    def served_arms(self) -> tuple[str, ...]:
        """The arms that the sample counts for: only the base arm in VETO."""
        return (BASE,) if self.arms is None else self.arms

    def as_metadata(self) -> dict[str, Any]:
        """The note as ``Sample.metadata`` holds it: only the fields that the task set."""
        return self.model_dump(mode="json", exclude_unset=True)
