"""misfire: measure misfired alignment with Inspect, and find where in the model it happens.

The code of ``misfire.tasks``, ``misfire.scorers`` and ``misfire.datasets`` lies in the repository's top-level
folders of these names. In a checkout, links lead there; a wheel holds the folders themselves.
"""

from pathlib import Path

__all__ = ["__version__"]

__version__ = "0.2.0"
"""Version of the distribution, and of every score it makes: it changes when a score can change."""

_HERE = Path(__file__).resolve().parent
if not (_HERE / "tasks").is_dir():
    # A checkout without symbolic links (Windows, or an archive that was unpacked without them): look for the
    # folders at the top level.
    __path__.append(str(_HERE.parent.parent))
