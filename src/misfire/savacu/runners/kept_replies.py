"""Replies of a shard on one machine, kept the moment they come: one line each in one file, so that a killed build pays for none twice.

Inspect's own cache is not used: it keeps replies that lack what was asked for, which a build could then never ask for again, and one
file a call, of which a shard of yes/no questions has half a million.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from pydantic import JsonValue, ValidationError

from misfire.datasets.json_rows import Fault, json_object, parse_json
from misfire.errors import InputError
from misfire.savacu.calls import Call, Record, Reply


class _Line(Record):
    item: str
    call: str
    asked: str
    reply: Reply


class KeptReplies:
    """The replies of a shard; one process at a time may use the file.

    Args:
        path: The file, made if it is not there. A last line that was written by half is cut off; others that are broken are passed over.
        model: Who is asked, with its arguments: another model's replies are not these.

    Raises:
        InputError: The file cannot be read or written.
    """

    def __init__(self, path: Path, model: Mapping[str, JsonValue]) -> None:
        self._model = json.dumps(model, sort_keys=True, default=str)
        self._lines: dict[tuple[str, str], bytes] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._read(path)
            self._file: TextIO = path.open("a", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be read or written ({error.strerror or error}).") from error

    def reply(self, item: str, call: Call) -> Reply | None:
        """The reply to a call of an item; none if there is none, or if something else was asked then."""
        line = self._lines.get((item, call.name))
        if line is None:
            return None
        try:
            kept = _Line.model_validate_json(line)
        except ValidationError:
            return None
        return kept.reply if kept.asked == self._asked(call) else None

    def keep(self, item: str, call: Call, reply: Reply) -> None:
        """Write a reply down.

        Raises:
            OSError: There is no room, say.
        """
        line = _Line(item=item, call=call.name, asked=self._asked(call), reply=reply)
        self._file.write(line.model_dump_json() + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, path: Path) -> None:
        if not path.exists():
            return
        with path.open("rb+") as file:
            end = 0
            for line in file:
                if not line.endswith(b"\n"):
                    break
                end += len(line)
                told = json_object(parse_json(line))
                # a whole line that cannot be read is passed over: what stands behind it was paid for too
                if not isinstance(told, Fault):
                    self._lines[str(told.get("item")), str(told.get("call"))] = line
            file.truncate(end)

    def _asked(self, call: Call) -> str:
        return hashlib.sha256(f"{self._model}\n{call.model_dump_json()}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
