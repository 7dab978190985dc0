"""Keeps each reply of a shard as soon as it arrives.

So no reply is paid for twice, even if the build is killed. Replies are stored in one file, with one line for
each reply. One process writes the file: the runner itself on a single machine, or an actor to which all
workers of a cluster send their replies.

Inspect's own cache is not used for two reasons. It also keeps replies that lack requested data, and the build
could then never repeat these calls. It also writes one file for each call, and a shard of yes/no questions
has half a million calls.
"""

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from misfire.datasets.json_rows import Fault, json_object, parse_json
from misfire.errors import InputError
from misfire.savacu.calls import Call, ModelReply, Record
from misfire.savacu.recipe import ModelSpec


class CallKey(NamedTuple):
    """Identifies a call of a shard.

    Attributes:
        item: Id of the item.
        call: Name of the call.
        asked: Hash of the model and of the complete request.
    """

    item: str
    call: str
    asked: str


class CallKeys:
    """Makes the keys of the calls of a model.

    Args:
        model: The model. Its name and arguments are part of the keys, so that replies of different models are
            not mixed up.
    """

    def __init__(self, model: ModelSpec) -> None:
        self._model = json.dumps(model.model_dump(include={"model", "args"}), sort_keys=True, default=str)

    def key(self, item: str, call: Call) -> CallKey:
        """Return the key of a call of an item."""
        asked = f"{self._model}\n{call.model_dump_json()}".encode("utf-8", "surrogatepass")
        return CallKey(item, call.name, hashlib.sha256(asked).hexdigest()[:16])


class _Line(Record):
    item: str
    call: str
    asked: str
    reply: ModelReply


class KeptReplies:
    """The replies of a shard. Only one process at a time may use the file.

    Args:
        path: The file. It is created if it does not exist. An incomplete last line is removed, and other
            lines that cannot be read are skipped.

    Raises:
        InputError: The file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        # positions in the file at which the line of each call begins and ends
        self._places: dict[tuple[str, str], tuple[int, int]] = {}
        self._end = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # unbuffered, so that the operating system has each kept reply even if this process is killed
            self._file = path.open("a+b", buffering=0)
            self._read(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read or written ({error.strerror or error}).") from error

    def reply(self, key: CallKey) -> ModelReply | None:
        """Return the reply to a call, or None if there is none or if it belongs to a different request."""
        place = self._places.get((key.item, key.call))
        if place is None:
            return None
        start, end = place
        try:
            kept = _Line.model_validate_json(os.pread(self._file.fileno(), end - start, start))
        except ValidationError:
            return None
        return kept.reply if kept.asked == key.asked else None

    def keep(self, key: CallKey, reply: ModelReply) -> None:
        """Write a reply to the file.

        Raises:
            OSError: The reply cannot be written, for example because the disk is full.
        """
        line = (_Line(**key._asdict(), reply=reply).model_dump_json() + "\n").encode()
        if self._file.write(line) < len(line):
            # otherwise the next reply would continue this line and be lost with it
            self._file.truncate(self._end)
            raise OSError(errno.ENOSPC, "No space left on device", self._file.name)
        self._add(key.item, key.call, len(line))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, path: Path) -> None:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                record = json_object(parse_json(line))
                # skip a complete line that cannot be read: the replies after it were paid for, too
                if isinstance(record, Fault):
                    self._end += len(line)
                else:
                    self._add(str(record.get("item")), str(record.get("call")), len(line))
        self._file.truncate(self._end)

    def _add(self, item: str, call: str, length: int) -> None:
        self._places[item, call] = (self._end, self._end + length)
        self._end += length
