"""What version 0.2.0 kept for the Ray runner is not paid for again.

It kept files of answers and blocks of calls.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from misfire.savacu.calls import ModelReply
from misfire.savacu.prompting.classify import ToClassify, classify_step
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.earlier_replies import take_over
from misfire.savacu.runners.kept_replies import CallKeys, KeptReplies
from misfire.savacu.runners.runner import Work

SERVED = ModelSpec(model="openai-api/local/m", base_url="http://localhost/v1")
ENGINE = ModelSpec(model="vllm/m")
STEP = classify_step("scores")
ITEM = ToClassify(id="p1", text="A question")
ANSWER = {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}

# the name that version 0.2.0 gave to the answer to the first call, which asks about safety
NAME = "f6acf1a4f86f5326c7c373ca8046f47c500082d0e96d556a0e12063e30986ed1"


def work_for(folder: Path, model: ModelSpec) -> Work:
    return Work(STEP, model, [ITEM], "classify/00000", folder)


def taken(work: Work) -> dict[str, ModelReply]:
    """The replies that are there after taking over, by call."""
    kept, keys = KeptReplies(work.folder / "replies" / "classify" / "00000.jsonl"), CallKeys(work.model)
    take_over(work, kept)
    return {call.name: reply for call in STEP.calls(ITEM) if (reply := kept.reply(keys.key("p1", call)))}


@pytest.fixture
def replies(tmp_path: Path) -> Path:
    """The folder in which version 0.2.0 left an answer about safety and a block.

    The block has a reply about culture and an error.
    """
    folder = tmp_path / "replies" / "classify" / "00000"
    answer = folder / "answers" / NAME[:2] / f"{NAME}.json"
    answer.parent.mkdir(parents=True)
    answer.write_text(json.dumps(ANSWER))
    (folder / "blocks").mkdir()
    reply = ModelReply(text="from a block").model_dump_json()
    rows = {
        "item": ["p1", "p1"],
        "call": ["culture", "value"],
        "reply": [reply, ""],
        "error": ["", "it failed"],
    }
    pq.write_table(pa.table(rows), folder / "blocks" / "0.parquet")
    (folder / "blocks" / "1.parquet").write_bytes(b"written by half")
    return folder


def test_answers_of_a_server_are_reused(tmp_path: Path, replies: Path):
    assert taken(work_for(tmp_path, SERVED)) == {"safety": ModelReply(text="{}")}
    assert not replies.exists()
    # and they are there the next time
    assert taken(work_for(tmp_path, SERVED)) == {"safety": ModelReply(text="{}")}


@pytest.mark.usefixtures("replies")
def test_answers_of_another_model_are_not_reused(tmp_path: Path):
    assert taken(work_for(tmp_path, SERVED.model_copy(update={"model": "openai-api/local/other"}))) == {}


@pytest.mark.usefixtures("replies")
def test_blocks_of_an_engine_are_reused(tmp_path: Path):
    assert taken(work_for(tmp_path, ENGINE))["culture"] == ModelReply(text="from a block")


def test_a_partly_written_answer_is_requested_again(tmp_path: Path, replies: Path):
    (path,) = replies.rglob("*.json")
    path.write_bytes(path.read_bytes()[:-3])
    assert taken(work_for(tmp_path, SERVED)) == {}
