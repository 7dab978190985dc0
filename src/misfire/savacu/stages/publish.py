"""The stage "publish", which writes the data set to the folder ``dataset`` of the build."""

from pathlib import Path

from misfire.savacu.publish.dataset import write_dataset
from misfire.savacu.publish.rows import PublishReport
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import StageName
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of, read_record


class PublishStage:
    """Writes the data set."""

    name: StageName = "publish"

    def key(self, recipe: Recipe) -> str:
        """See ``BuildStage``."""
        return key_of(self.name, recipe.publish)

    def run(self, work: Workspace) -> None:
        """See ``BuildStage``."""
        work.progress(self.name, 0, 1)
        write_dataset(work.view)
        work.progress(self.name, 1, 1)

    def report(self, folder: Path) -> PublishReport | None:
        """See ``BuildStage``."""
        return read_record(folder / "dataset" / "report.json", PublishReport)
