"""The ``misfire`` command, with one module per group of subcommands."""
