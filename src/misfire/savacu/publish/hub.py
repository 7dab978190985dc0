"""Puts a written data set on the hub."""

from pathlib import Path

from misfire.errors import InputError


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Put a written data set on the hub.

    Args:
        folder: The build's folder.
        repository: The data set there, with its owner; made if it is not there.
        private: Whether it is made private.

    Returns:
        Where it is.

    Raises:
        InputError: It is not written yet, or the hub refuses.
    """
    from huggingface_hub import HfApi

    dataset = folder / "dataset"
    if not (dataset / "README.md").exists():
        raise InputError(f"{folder}: there is no data set to push. Run the stage 'publish' first.")
    try:
        api = HfApi()
        api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        return str(
            api.upload_folder(repo_id=repository, repo_type="dataset", folder_path=dataset, commit_message="Data set by misfire savacu")
        )
    except Exception as error:  # the client raises many kinds; each means that it was not pushed
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{repository}: could not be pushed: {reason}") from error
