"""The metadata of a sample of VETO or priming: which half of which pair it asks, and in which arms.

Tasks write it, and scorers, reports and the mechanistic analyses read it, always through ``HalfNote``. The
keys in a log are the names of its fields.
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
"""Fields that only tasks with arms write, in addition to the arms themselves."""


class HalfNote(Note):
    """Metadata of a sample that asks a half of a pair, or one of the pair's controls.

    The model never sees it.

    Attributes:
        pair_id: ID of the pair.
        half: Name of the half.
        category: Category of the pair.
        subcategory: BBQ's subcategory, if any.
        scenario: Scenario of the pair, the unit for clustering of intervals.
        stereotyped_group: The group that the stereotype is about.
        contrast_group: The group of the contrast half's answer.
        example_id: Number of the BBQ example that the half was built from. None for pairs from other sources.
        audit: The audit flags of the pair. None in a log of a version that did not write them.
        probe: Which prompt of the pair the sample asks. Written only in runs with controls.
        arms: The arms of the priming experiment that the sample serves. None in VETO.
        arm_numbers: The position of each of these arms in the run's order; the base arm has 0. None in VETO.
        cue: The cue, or None.
        cue_text: The text of the cue.
        position: The position of the cue.
        system_cue: The text of the cue if it is in the system message.
        demos: IDs of the pairs that are shown as demonstrations, in order. None in VETO.
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
        """Return the note of one half of a pair, without a probe and without arms.

        Args:
            pair: The pair.
            half: Name of the half.
            audit: The audit flags of the pair.
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
        """Return the same note with the probe, for a run with controls."""
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
        """Return the same note for a sample of the priming experiment.

        The arguments are the fields of these names.
        """
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
        """Whether other keys show that the sample is from priming although it names no arms.

        This happens in the summary of a sample that serves dozens of arms, since Inspect leaves long lists
        out of summaries.
        """
        return self.arms is None and not self.model_fields_set.isdisjoint(_OF_PRIMING)

    @property
    def served_arms(self) -> tuple[str, ...]:
        """The arms that the sample counts for. In VETO, only the base arm."""
        return (BASE,) if self.arms is None else self.arms

    def as_metadata(self) -> dict[str, Any]:
        """Return the note for ``Sample.metadata``, with only the fields that the task set."""
        return self.model_dump(mode="json", exclude_unset=True)
