"""Access to the Hugging Face Hub: one file at a pinned revision, or the rows of a dataset."""

# datasets and huggingface_hub are only partly typed
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

COMMIT = re.compile(r"[0-9a-f]{40}")
"""Matches a full commit hash. Only a full hash is certain to give the same data later."""

TIMEOUT = 5
"""Seconds to wait for the Hub's first response. Without a network, the Hub client itself would try for half a
minute."""


class HubError(Exception):
    """A download from the Hub failed. The text gives the reason in one line."""


class GatedError(HubError):
    """The dataset is gated, private or missing; the Hub does not distinguish between these."""


def fetch_file(dataset: str, file: str, revision: str) -> Path:
    """Return a file of a dataset from the local cache or from the Hub.

    Args:
        dataset: Name of the dataset, with its owner.
        file: Path of the file within the dataset.
        revision: Commit hash. A commit cannot change, so a cached file is not requested again.

    Returns:
        Local path of the file.

    Raises:
        HubError: The file cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(dataset, file, revision=revision, repo_type="dataset")
    if isinstance(cached, str):
        return Path(cached)
    _reach_hub()
    try:
        return Path(hf_hub_download(dataset, file, repo_type="dataset", revision=revision))
    except (
        Exception
    ) as error:  # the client raises many types of errors; each means that the file is not available
        raise HubError(_one_line(error)) from error


def dataset_splits(dataset: str, revision: str | None) -> dict[str, Iterable[dict[str, Any]]]:
    """Return the splits of a dataset.

    Args:
        dataset: Name of the dataset, with its owner.
        revision: Branch, tag or commit. None means the latest revision.

    Returns:
        The rows of each split by name. Rows are read from disk during iteration.

    Raises:
        GatedError: The user must request access first.
        HubError: The dataset cannot be downloaded for another reason.
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
    """Return all rows of a dataset, from all splits.

    Args:
        dataset: Name of the dataset, with its owner.
        revision: Branch, tag or commit. None means the latest revision.

    Returns:
        Each row with its location, for example ("split train, row 3", {...}).

    Raises:
        GatedError: The user must request access first.
        HubError: The dataset cannot be downloaded for another reason.
    """
    splits = dataset_splits(dataset, revision)
    return [
        (f"split {name}, row {number}", row)
        for name, rows in splits.items()
        for number, row in enumerate(rows, start=1)
    ]


def _reach_hub() -> None:
    """Fail quickly if the Hub cannot be reached.

    Does nothing if the user works from the cache with HF_HUB_OFFLINE.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if constants.HF_HUB_OFFLINE:
        return
    try:
        get_session().head(constants.ENDPOINT, timeout=TIMEOUT)
    except Exception as error:  # the type of error depends on the client's HTTP library
        raise HubError(f"{constants.ENDPOINT} cannot be reached ({_one_line(error).rstrip('.')}).") from error


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.') if lines else 'no reason given'}."
