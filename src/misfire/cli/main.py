"""The ``misfire`` command with its subcommands."""

import click

from misfire import __version__
from misfire.cli import mechanistic, model, pairs, reports
from misfire.cli.exit_status import Commands
from misfire.cli.savacu import savacu


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="misfire")
def main() -> None:
    """Measure misfired alignment. Inspect runs the evaluations: `inspect eval misfire/veto --model …`."""


main.add_command(pairs.pairs)
main.add_command(pairs.audit)
main.add_command(reports.results)
main.add_command(reports.report)
main.add_command(savacu)
main.add_command(mechanistic.localise)
main.add_command(mechanistic.organism)
main.add_command(mechanistic.before_after, "before-after")
main.add_command(model.model)
