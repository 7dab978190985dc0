"""The stage "respond", in which each generator writes its first responses to every prompt."""

from pathlib import Path

from misfire.savacu.prompting.respond import RespondStep
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import StageName
from misfire.savacu.stages.rounds import write_round
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of


class RespondStage:
    """Writes the responses of the first round."""

    name: StageName = "respond"

    def key(self, recipe: Recipe) -> str:
        """See ``BuildStage``."""
        return key_of(self.name, recipe.respond, RespondStep.version)

    def run(self, work: Workspace) -> None:
        """See ``BuildStage``."""
        for generator in work.recipe.respond.generators:
            write_round(work, generator, 0)

    def report(self, folder: Path) -> None:
        """Return None: the report of the stage "judge" covers the first round too."""
        del folder
