"""Imports replies that the Ray runner of versions up to 0.2.0 kept in two other formats.

So these replies are not paid for again.
"""

# pyarrow has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from misfire.datasets.json_rows import Fault, json_object, parse_json
from misfire.savacu.calls import Call, ModelReply
from misfire.savacu.runners.chat_server import reply_of, request_of
from misfire.savacu.runners.kept_replies import CallKeys, KeptReplies
from misfire.savacu.runners.runner import Work, replies_of


def take_over(work: Work, kept: KeptReplies) -> None:
    """Move the replies that an earlier version kept for a shard to the current file; delete old files.

    Args:
        work: The shard.
        kept: The current file of replies.
    """
    folder = replies_of(work.folder, work.label)
    if not folder.is_dir():
        return
    keys = CallKeys(work.model)
    in_blocks = _replies_in_blocks(folder / "blocks")
    for item in work.items:
        for call in work.step.calls(item):
            key = keys.key(item.id, call)
            if kept.reply(key) is not None:
                continue
            # a stored response matches the exact request; blocks are only used for Ray's own engines, for
            # which no responses were stored
            reply = _answer(folder / "answers", call, work.model.model)
            if reply is None and work.model.base_url is None:
                reply = in_blocks.get((item.id, call.name))
            if reply is not None:
                kept.keep(key, reply)
    shutil.rmtree(folder)


def _answer(folder: Path, call: Call, model: str) -> ModelReply | None:
    """Read the reply to a call from the stored response of a server.

    Each response has its own file, named by the hash of the request.
    """
    name = hashlib.sha256(json.dumps(request_of(call, model), sort_keys=True).encode()).hexdigest()
    try:
        answer = json_object(parse_json((folder / name[:2] / f"{name}.json").read_bytes()))
    except FileNotFoundError:
        return None
    if isinstance(answer, Fault):
        return None
    reply = reply_of(answer, logprobs=bool(call.settings.top_logprobs), limit=call.settings.max_tokens)
    return None if isinstance(reply, Fault) else reply


def _replies_in_blocks(folder: Path) -> dict[tuple[str, str], ModelReply]:
    """Read the replies of finished blocks of calls, by item and call."""
    return {
        (item, call): ModelReply.model_validate_json(reply) for item, call, reply in _rows(folder) if reply
    }


def _rows(folder: Path) -> Iterator[tuple[str, str, str]]:
    import pyarrow.parquet as pq

    for path in sorted(folder.rglob("*.parquet")):
        try:
            rows = pq.read_table(path, columns=["item", "call", "reply"]).to_pylist()
        except (ValueError, OSError):
            # the file is incomplete
            continue
        yield from ((row["item"], row["call"], row["reply"]) for row in rows)
