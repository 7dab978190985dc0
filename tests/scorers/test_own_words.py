"""What of a text is the model's own reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.scorers.own_words import own_words

MARKS = {
    "<think>": "</think>",
    "<THINK>": "</THINK>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<analysis>": "</analysis>",
    "<scratchpad>": "</scratchpad>",
    "<seed:think>": "</seed:think>",
    '<think time="3">': "</think>",
    "<reasoning_content>": "</reasoning_content>",
    "<inner_monologue>": "</inner_monologue>",
    "<chain_of_thought>": "</chain_of_thought>",
    "<cot>": "</cot>",
    "&lt;think&gt;": "&lt;/think&gt;",
    "＜think＞": "＜／think＞",
    "<think_start>": "<think_end>",
    "<|think_start|>": "<|think_end|>",
    "<|im_start|>think\n": "<|im_end|>\n<|im_start|>answer\n",
    "<ctrl94>thought\n": "<ctrl95>",
    '<details type="reasoning">': "</details>",
    "Thinking...\n": "\n...done thinking.\n\n",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|think|>": "<|/think|>",
    "<|inner_prefix|>": "<|inner_suffix|>",
    "<unused94>thought\n": "<unused95>",
    "<|channel>thought\n": "<channel|>",
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
    "<|channel|>commentary to=x<|message|>": "<|channel|>final <|constrain|>json<|message|>",
    "```thinking\n": "\n```\n",
    "Here is my thought process:": "\nHere is my response:",
    "analysisWe": "assistantfinal",
}
"""How reasoning opens and closes."""

plain = st.text("abc {}\":,.\n'yesno", max_size=30)


@pytest.mark.parametrize("opens", MARKS)
@given(inside=plain, reply=st.sampled_from(["Yes", '{"answer": "no"}', "I can't.\nSorry."]))
def test_reasoning_is_removed(opens: str, inside: str, reply: str):
    found = own_words(f"{opens}{inside.replace('{', '(')}{MARKS[opens]}{reply}")
    assert found is not None
    assert found.strip() == reply


@pytest.mark.parametrize("opens", MARKS)
@given(inside=plain)
def test_reasoning_that_never_closes_leaves_no_reply(opens: str, inside: str):
    assert own_words(f"{opens}{inside.replace('{', '(')}") is None


@pytest.mark.parametrize(
    "closes",
    [
        mark
        for mark in MARKS.values()
        if mark.strip() != "```" and mark != "assistantfinal" and "im_end" not in mark
    ],
)
def test_everything_before_a_single_end_mark_is_reasoning(closes: str):
    reply = own_words(f'Maybe {{"answer": "no"}}.\n{closes}\n\nYes')
    assert reply is not None
    assert reply.strip() == "Yes"


def test_reasoning_may_occur_several_times():
    assert own_words("<think>a</think>Yes<think>b</think>") == "Yes"
    assert own_words("<think>a</think>Yes\n<think>b") is None
    assert own_words("<think>a <think>b</think> c</think>Yes") == "Yes"


@pytest.mark.parametrize(
    "text",
    [
        "Yes<|im_end|>",
        "Yes</s>",
        "Yes<|eot_id|><|eot_id|>",
        "Yes<end_of_turn>",
        "Yes<|endoftext|>No",
        "Yes<｜end▁of▁sentence｜>No",
        "Yes<|im_end|>\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\nNo",
        "Yes<|im_end|>\n<|im_start|>assistant\n<think>b</think>No",
        "<|im_start|>assistant\nYes",
        "<|start_header_id|>assistant<|end_header_id|>\n\nYes<|eot_id|>",
        "<s>Yes</s>",
        "<|start|>assistant<|channel|>final<|message|>Yes<|return|>",
        "<|begin_of_solution|>Yes<|end_of_solution|>",
        "<|START_RESPONSE|>Yes<|END_RESPONSE|>",
        "Yes\nUser: And now?\nAssistant: No",
        "Yes\n\nHuman: And now?\n\nAssistant: No",
        "Yes\n**User:** And now?",
        "Yes\n### Instruction:\nAnd now?\n\n### Response:\nNo",
        "Assistant: Yes",
        "### Response:\nYes",
        "### Instruction:\nAnswer.\n### Response:\nYes",
        "<|im_start|>user\nWell?<|im_end|>\n<|im_start|>assistant\nYes",
        "Yes.assistant\n\nNo",
        "Yes[INST] And now? [/INST] No",
    ],
)
def test_a_reply_ends_with_the_turn_of_the_model(text: str):
    reply = own_words(text)
    assert reply is not None
    assert reply.strip().strip(".") == "Yes"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<|im_end|>",
        "User: Was he?",
        "<|im_start|>user\nyes",
        "<think>a</think>",
        "<think>a</think>\n\n<|im_end|>",
    ],
)
def test_a_text_without_a_turn_of_the_model_is_empty(text: str):
    reply = own_words(text)
    assert reply is not None
    assert not reply.strip()


@pytest.mark.parametrize(
    "text",
    [
        "Yes",
        "I think that <b>he</b> did.",
        "The user asked for it: yes.",
        "User groups are not named.",
        '{"reason": "It says </think> and\nUser: x <|im_end|>", "answer": "yes"}',
        '{"reason": "It says "</think>" here", "answer": "yes"}',
        '```json\n{"answer": "yes"}\n```\nDone.',
    ],
)
def test_everything_else_stays_including_marks_inside_an_object(text: str):
    assert own_words(text) == text


pieces = st.sampled_from(
    [
        *MARKS,
        *MARKS.values(),
        "<|im_end|>",
        "\nUser:",
        "\nassistant:",
        '{"a": "',
        '"}',
        "x",
        "\n",
        "### Response",
    ]
)


@given(st.lists(pieces | st.text(max_size=5), max_size=12).map("".join))
def test_any_sequence_of_marks_is_read(text: str):
    reply = own_words(text)
    assert reply is None or len(reply) <= len(text)
