"""The ``misfire`` command: one module for each group of subcommands."""
