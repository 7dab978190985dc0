"""The base of errors that Inspect shows as a message, without a traceback."""

from inspect_ai._util.error import PrerequisiteError

__all__ = ["PrerequisiteError"]
