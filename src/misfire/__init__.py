"""misfire: measure misfired alignment with Inspect, and find where in the model it happens.

The code lives once, in the repository's top-level folders; this package links to them, so that
``misfire.tasks``, ``misfire.scorers``, ``misfire.datasets`` and ``misfire.models`` are the same files.
"""

__version__ = "0.2.0"
"""Version of the distribution, and of every score it makes: it changes when a score can change."""
