"""System messages of models without a system role, and chat templates that say so."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser

from misfire.errors import InputError
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.language import word_tokenizer
from misfire.mechanistic.organisms.organism import save_organism
from misfire.model_calls.ask import CallNote, fold_system, template_takes_system
from misfire.tasks.veto import veto
from tests.runs import run_task


def said(messages: list[ChatMessage]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages]


def test_system_messages_open_the_first_user_message_and_leave_the_others_alone():
    messages: list[ChatMessage] = [
        ChatMessageSystem(content="Be kind."),
        ChatMessageSystem(content="Be brief."),
        ChatMessageUser(content="One?"),
        ChatMessageAssistant(content="Yes."),
        ChatMessageUser(content="Two?"),
    ]
    assert said(fold_system(messages)) == [
        ("user", "Be kind.\n\nBe brief.\n\nOne?"),
        ("assistant", "Yes."),
        ("user", "Two?"),
    ]
    assert said(fold_system(messages[2:])) == said(messages[2:])
    with pytest.raises(InputError, match="no user message"):
        fold_system(messages[:2])


REFUSES = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
ALTERNATES = (
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "takes"),
    [
        ("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", True),
        (f"{REFUSES}{{{{ messages[0].content }}}}", False),
        ("{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}", False),
        (f"{{% for m in messages %}}{ALTERNATES}{{{{ m.content }}}}{{% endfor %}}", False),
        # a fault that has nothing to do with system messages, and a template that keeps a part of the user
        # message alone
        ("{{ raise_exception('broken') }}", True),
        ("{{ messages[-1].content.split('\n')[0] }}{{ 'x' }}", True),
    ],
)  # fmt: skip
def test_rendering_shows_what_a_template_does_with_a_system_message(template: str, takes: bool):
    tokenizer: Any = word_tokenizer("what is this")
    assert template_takes_system(tokenizer, template) is takes


def test_an_hf_model_is_asked_in_the_user_message_if_its_template_requires_it(tmp_path: Path):
    # given an organism whose template refuses a system message
    save_organism(hand_built(3), tmp_path / "made")
    template = tmp_path / "made" / "chat_template.jinja"
    template.write_text(REFUSES + template.read_text())

    def over_hf(task: Any, name: str) -> EvalLog:
        options = {"model_path": str(tmp_path / "made"), "device": "cpu", "do_sample": False}
        (log,) = run_task(task, model="hf/made", model_args=options, log_dir=str(tmp_path / name))
        return log

    pairs = {
        "source": "file",
        "path": str(tmp_path / "made" / "pairs.jsonl"),
        "pairs": 2,
        "temperature": "none",
        "max_tokens": 4,
    }
    log = over_hf(veto(**pairs), "auto")

    # then all is scored, and the log says where the instruction went
    assert log.status == "success", log.error
    notes = [CallNote.of(sample.output) for sample in log.samples or []]
    assert [note and note.system for note in notes] == ["user"] * 4
    assert {sample.messages[0].role for sample in log.samples or []} == {"user"}

    # and with system=system the error is the user's to see
    assert over_hf(veto(**pairs, system="system"), "system").status == "error"
