"""Uploads a finished data set to the Hugging Face Hub."""

from pathlib import Path

from misfire.errors import InputError


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Upload a finished data set to the Hugging Face Hub.

    Args:
        folder: The folder of the build.
        repository: Name of the data set on the Hub, with its owner. It is created if it does not exist.
        private: Whether a new data set is private.

    Returns:
        The URL of the upload.

    Raises:
        InputError: There is no finished data set, or the upload fails.
    """
    from huggingface_hub import HfApi

    dataset = folder / "dataset"
    if not (dataset / "README.md").exists():
        raise InputError(f"{folder}: there is no data set to push. Run the stage 'publish' first.")
    try:
        api = HfApi()
        api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        return str(
            api.upload_folder(
                repo_id=repository,
                repo_type="dataset",
                folder_path=dataset,
                commit_message="Data set by misfire savacu",
            )
        )
    except (
        Exception
    ) as error:  # the client raises many types of errors, all of which mean that the upload failed
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{repository}: the upload failed: {reason}") from error
