"""The Hugging Face hub: one file at a pinned revision, or the rows of a data set."""

# datasets and huggingface_hub are typed in part
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A full commit: what alone gives the same data another day."""

TIMEOUT = 5
"""Seconds to wait for the hub's first word; without a network the client itself would try for half a minute."""


class HubError(Exception):
    """Something could not be had from the hub; the text says why in one line."""


class GatedError(HubError):
    """The data set is gated, or hidden, or not there: the hub does not tell these apart."""


def fetch_file(dataset: str, file: str, revision: str) -> Path:
    """A file of a data set, from the local cache or from the hub.

    Args:
        dataset: Name of the data set, with its owner.
        file: Path of the file inside it.
        revision: Commit; since it cannot change, a file in the cache is not asked for again.

    Returns:
        Where the file lies on this machine.

    Raises:
        HubError: It could not be had.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(dataset, file, revision=revision, repo_type="dataset")
    if isinstance(cached, str):
        return Path(cached)
    _reach_hub()
    try:
        return Path(hf_hub_download(dataset, file, repo_type="dataset", revision=revision))
    except Exception as error:  # the client raises many kinds; each means that the file is not to be had
        raise HubError(_one_line(error)) from error


def dataset_splits(dataset: str, revision: str | None) -> dict[str, Iterable[dict[str, Any]]]:
    """The splits of a data set.

    Args:
        dataset: Name of the data set, with its owner.
        revision: Branch, tag or commit; none for the newest.

    Returns:
        The rows of each split, which are read from the disk as they are gone through.

    Raises:
        GatedError: Access to it must be asked for first.
        HubError: It could not be had for another reason.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    _reach_hub()
    try:
        return cast("dict[str, Iterable[dict[str, Any]]]", dict(load_dataset(dataset, revision=revision)))
    except DatasetNotFoundError as error:
        raise GatedError(_one_line(error)) from error
    except Exception as error:  # as above
        raise HubError(_one_line(error)) from error


def dataset_rows(dataset: str, revision: str | None) -> list[tuple[str, dict[str, Any]]]:
    """All rows of a data set, of all its splits.

    Args:
        dataset: Name of the data set, with its owner.
        revision: Branch, tag or commit; none for the newest.

    Returns:
        Each row with its place, for example ("split train, row 3", {...}).

    Raises:
        GatedError: Access to it must be asked for first.
        HubError: It could not be had for another reason.
    """
    splits = dataset_splits(dataset, revision)
    return [(f"split {name}, row {number}", row) for name, rows in splits.items() for number, row in enumerate(rows, start=1)]


def _reach_hub() -> None:
    """Fail soon where the hub is out of reach (unless the user works from the cache, with HF_HUB_OFFLINE)."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if constants.HF_HUB_OFFLINE:
        return
    try:
        get_session().head(constants.ENDPOINT, timeout=TIMEOUT)
    except Exception as error:  # whichever library the client speaks through, it raises its own kinds
        raise HubError(f"{constants.ENDPOINT} is out of reach ({_one_line(error).rstrip('.')}).") from error


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.') if lines else 'no reason given'}."
