"""Links from a report to samples in `inspect view`."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from misfire.errors import InputError
from misfire.reports.logs.places import as_argument

DEFAULT_URL = "http://127.0.0.1:7575"
"""Default address of `inspect view`."""


@dataclass(frozen=True)
class Viewer:
    """The log viewer for a set of logs.

    Attributes:
        url: Address of a running `inspect view`, or of a bundle made by `inspect view bundle`.
        log_dir: The folder that it shows, which is the innermost folder that contains all logs.
    """

    url: str
    log_dir: str

    @property
    def advice(self) -> str:
        """What to do before following a link."""
        return (
            f"The links to samples work while `inspect view --log-dir {as_argument(self.log_dir)}` is "
            f"running (at {self.url})."
        )

    def link(self, log: str, sample_id: str, epoch: int) -> str:
        """Return the URL of a sample.

        Args:
            log: Location of its log.
            sample_id: Id of the sample.
            epoch: The epoch, starting at 1.

        Returns:
            A URL in which every part is quoted.
        """
        inside = log.removeprefix(self.log_dir).lstrip("/")
        return (
            f"{self.url.rstrip('/')}/#/logs/{quote(inside)}"
            f"/samples/sample/{quote(sample_id, safe='')}/{epoch}"
        )


def viewer_of(logs: Iterable[str], url: str = DEFAULT_URL) -> Viewer:
    """Return the viewer for a set of logs.

    Args:
        logs: Locations of the logs, at least one.
        url: Address of `inspect view`.

    Returns:
        The viewer for the innermost folder that contains all logs.

    Raises:
        InputError: The address does not start with http:// or https://.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"--viewer-url {url}: the address must start with http:// or https://.")
    folders = [log.split("/")[:-1] for log in logs]
    shared = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))
    return Viewer(url, "/".join(parts[0] for parts in shared))
