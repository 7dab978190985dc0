"""Replies of a shard are there again after whatever end, and only for what they answered."""

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from misfire.errors import InputError
from misfire.savacu.calls import Call, Message, ModelReply, Settings
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.kept_replies import CallKeys, KeptReplies

MODEL = ModelSpec(model="a/b")
CALL = Call(
    name="write",
    messages=(Message(role="user", text="ä\nb"),),
    settings=Settings(temperature=0.7, max_tokens=9),
)
REPLY = ModelReply(text="one\ntwo", first_token=(("one", -0.1),))
KEYS = CallKeys(MODEL)
P1, P2, P3 = (KEYS.key(item, CALL) for item in ("p1", "p2", "p3"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "replies" / "00000.jsonl"
    kept = KeptReplies(path)
    kept.keep(P1, REPLY)
    kept.keep(P2, REPLY.model_copy(update={"text": "other"}))
    # as a process that is killed leaves it: nothing closed
    return path


def test_kept_replies_are_read_back(path: Path):
    assert KeptReplies(path).reply(P1) == REPLY
    assert KeptReplies(path).reply(P3) is None


def test_kept_replies_are_available_immediately(path: Path):
    kept = KeptReplies(path)
    kept.keep(P3, REPLY.model_copy(update={"text": "third"}))
    assert [reply.text for key in (P1, P2, P3) if (reply := kept.reply(key))] == [
        "one\ntwo",
        "other",
        "third",
    ]


def test_a_reply_belongs_to_its_call_and_model_only(path: Path):
    colder = CALL.model_copy(update={"settings": Settings(temperature=0, max_tokens=9)})
    assert KeptReplies(path).reply(KEYS.key("p1", colder)) is None
    for other in (ModelSpec(model="a/c"), ModelSpec(model="a/b", args={"seed": 2})):
        assert KeptReplies(path).reply(CallKeys(other).key("p1", CALL)) is None
    # where the model is served, and how many calls it is given at a time, does not change its replies
    elsewhere = ModelSpec(model="a/b", base_url="http://localhost/v1", connections=3)
    assert KeptReplies(path).reply(CallKeys(elsewhere).key("p1", CALL)) == REPLY


def test_a_file_of_version_0_2_is_read(tmp_path: Path):
    # a line that version 0.2.0 wrote: an upgrade pays for no reply again
    path = tmp_path / "00000.jsonl"
    reply = '{"text":"one\\ntwo","stop":"stop","first_token":[["one",-0.1]]}'
    path.write_text(
        f'{{"item":"p1","call":"write","asked":"93e55c94fbf37d79","reply":{reply}}}\n', encoding="utf-8"
    )
    assert KeptReplies(path).reply(P1) == REPLY


def test_a_broken_line_affects_no_other(path: Path):
    # a bad block of the disk: the replies behind it were paid for
    path.write_bytes(path.read_bytes().replace(b'"item":"p1"', b'"item":"\x00\xff'))
    assert KeptReplies(path).reply(P1) is None
    assert KeptReplies(path).reply(P2) is not None
    assert KeptReplies(path).reply(P2) is not None, "the first opening cut it off"


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_a_partly_written_line_is_removed_and_the_next_one_is_intact(path: Path, cut: int):
    path.write_bytes(path.read_bytes()[:-cut])
    kept = KeptReplies(path)
    assert kept.reply(P1) == REPLY
    assert kept.reply(P2) is None
    kept.keep(P2, REPLY)
    assert KeptReplies(path).reply(P2) == REPLY


def test_a_reply_that_does_not_fit_on_the_disk_affects_no_other(path: Path):
    # given room for half a reply more, as on a disk that fills up
    size = path.stat().st_size + 40
    code = f"""
import resource, signal
from pathlib import Path
from tests.savacu.runners.test_kept_replies import P3, REPLY, KeptReplies
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
kept = KeptReplies(Path({str(path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {resource.RLIM_INFINITY}))
try:
    kept.keep(P3, REPLY)
except OSError as error:
    code = error.errno
resource.setrlimit(resource.RLIMIT_FSIZE, ({resource.RLIM_INFINITY}, {resource.RLIM_INFINITY}))
kept.keep(P3, REPLY)
print(code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == errno.ENOSPC
    assert all(KeptReplies(path).reply(key) is not None for key in (P1, P2, P3))


def test_an_unwritable_place_is_reported(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be read or written"):
        KeptReplies(tmp_path / "file" / "00000.jsonl")
