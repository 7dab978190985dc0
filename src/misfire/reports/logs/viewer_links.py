"""Links from a report to the samples in `inspect view`."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from misfire.errors import InputError
from misfire.reports.logs.places import as_argument

DEFAULT_URL = "http://127.0.0.1:7575"
"""Where `inspect view` serves unless told otherwise."""


@dataclass(frozen=True)
class Viewer:
    """Where the samples of some logs can be looked at.

    Attributes:
        url: Address of a running `inspect view`, or of a bundle made by `inspect view bundle`.
        log_dir: The folder that it shows: the innermost one that holds all logs.
    """

    url: str
    log_dir: str

    @property
    def advice(self) -> str:
        """What to do before following a link."""
        return f"Links lead to the samples while `inspect view --log-dir {as_argument(self.log_dir)}` runs (at {self.url})."

    def link(self, log: str, sample_id: str, epoch: int) -> str:
        """The address of a sample.

        Args:
            log: Where its log lies.
            sample_id: The sample.
            epoch: Its epoch.

        Returns:
            A URL in which every part is quoted.
        """
        inside = log.removeprefix(self.log_dir).lstrip("/")
        return f"{self.url.rstrip('/')}/#/logs/{quote(inside)}/samples/sample/{quote(sample_id, safe='')}/{epoch}"


def viewer_of(logs: Iterable[str], url: str = DEFAULT_URL) -> Viewer:
    """The viewer for some logs.

    Args:
        logs: Where they lie, at least one.
        url: Address of `inspect view`.

    Returns:
        The viewer, for the innermost folder that holds all.

    Raises:
        InputError: The address is none of the web.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"--viewer-url {url}: an address begins with http:// or https://.")
    folders = [log.split("/")[:-1] for log in logs]
    shared = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))
    return Viewer(url, "/".join(parts[0] for parts in shared))
