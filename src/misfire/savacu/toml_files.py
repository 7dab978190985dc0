"""Reading the TOML files of a build: recipes and tables of prices."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from misfire.datasets.record_errors import problem_texts, problems_error
from misfire.datasets.user_files import read_user_text
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def read_toml(path: Path, model: type[AnyModel], meaning: str, advice: str) -> AnyModel:
    """Read a TOML file and check its fields.

    Args:
        path: The file.
        model: The fields.
        meaning: What the file should hold, such as "a recipe".
        advice: Where valid fields are described.

    Raises:
        InputError: The file cannot be read, is not valid TOML, or has fields that are unknown, missing, or
            invalid. The error lists all of these fields.
    """
    path = user_path(str(path))
    try:
        content = tomllib.loads(read_user_text(path))
    # ValueError and RecursionError also for numbers with thousands of digits and deeply nested tables
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as {meaning}: not valid TOML: {error}.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read as {meaning}: {error.strerror or error}.") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise problems_error(path, problem_texts(error), advice) from error
