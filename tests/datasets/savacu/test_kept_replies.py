"""Replies of a shard are there again after whatever end, and only for what they answered."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from misfire.errors import InputError
from misfire.savacu.calls import Call, Message, Reply, Settings
from misfire.savacu.runners.kept_replies import KeptReplies

MODEL: dict[str, JsonValue] = {"model": "a/b", "args": {}}
CALL = Call(name="write", messages=(Message(role="user", text="ä\nb"),), settings=Settings(temperature=0.7, max_tokens=9))
REPLY = Reply(text="one\ntwo", first_token=(("one", -0.1),))


def opened(path: Path, model: dict[str, JsonValue] | None = None) -> KeptReplies:
    return KeptReplies(path, model or MODEL)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "replies" / "00000.jsonl"
    kept = opened(path)
    kept.keep("p1", CALL, REPLY)
    kept.keep("p2", CALL, REPLY.model_copy(update={"text": "other"}))
    # as a process that is killed leaves it: nothing closed
    return path


def test_what_was_kept_is_there_again(path: Path):
    assert opened(path).reply("p1", CALL) == REPLY
    assert opened(path).reply("p3", CALL) is None


def test_it_is_the_reply_to_that_call_of_that_model_alone(path: Path):
    assert opened(path).reply("p1", CALL.model_copy(update={"settings": Settings(temperature=0, max_tokens=9)})) is None
    assert opened(path, {"model": "a/c", "args": {}}).reply("p1", CALL) is None


def test_a_broken_line_takes_no_other_with_it(path: Path):
    # a bad block of the disk: the replies behind it were paid for
    path.write_bytes(path.read_bytes().replace(b'"item":"p1"', b'"item":"\x00\xff'))
    assert opened(path).reply("p1", CALL) is None
    assert opened(path).reply("p2", CALL) is not None
    assert opened(path).reply("p2", CALL) is not None, "the first opening cut it off"


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_a_line_that_was_written_by_half_is_cut_off_and_the_next_one_whole(path: Path, cut: int):
    path.write_bytes(path.read_bytes()[:-cut])
    kept = opened(path)
    assert kept.reply("p1", CALL) == REPLY
    assert kept.reply("p2", CALL) is None
    kept.keep("p2", CALL, REPLY)
    assert opened(path).reply("p2", CALL) == REPLY


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be read or written"):
        opened(tmp_path / "file" / "00000.jsonl")
