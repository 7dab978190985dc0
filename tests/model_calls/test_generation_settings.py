"""Why a local model's answer ended, and which settings are in force."""

from typing import Any

import pytest
from inspect_ai.model import GenerateConfig

from misfire.model_calls.generation_settings import OwnSettings, settings_in_force, warning, written_answers

END, OTHER_END, PAD = 2, 7, 9
OWN = OwnSettings({"repetition_penalty": 1.05, "temperature": 0.2, "top_k": 20}, (END, OTHER_END), PAD)


@pytest.mark.parametrize(
    ("row", "text", "tokens", "reason"),
    [
        ([5, 6, 5, 6], "a b a b", 4, "max_tokens"),
        ([5, 6, END, PAD], "a b", 3, "stop"),
        ([5, OTHER_END, PAD, PAD], "a", 2, "stop"),
        ([5, 6, 5, END], "a b a", 4, "stop"),
        ([END, END, END, END], "", 1, "stop"),
        # ended by a stop text, alone and beside a longer answer
        ([5, 6, 5, 6], "a b. a", 4, "stop"),
        ([5, 6, PAD, PAD], "a b.", 2, "stop"),
        ([], "", 0, "max_tokens"),
    ],
)
def test_a_row_without_an_end_was_cut_off(row: list[int], text: str, tokens: int, reason: str):
    (written,) = written_answers([row], [text], OWN, ["."])
    assert (written.text, written.tokens, written.stop_reason) == (text, tokens, reason)


@pytest.mark.parametrize(
    ("asked", "sample", "apply_own", "expected"),
    [
        ({"temperature": 0.0}, True, False, {"do_sample": False}),
        ({"temperature": 0.0, "top_p": 0.5, "top_k": 3}, True, False, {"do_sample": False}),
        ({"temperature": 0.0}, True, True, {"do_sample": False, "repetition_penalty": 1.05}),
        ({"temperature": 0.9}, False, False, {"do_sample": False}),
        (
            {"temperature": 0.9},
            True,
            False,
            {"do_sample": True, "temperature": 0.9, "top_p": 1.0, "top_k": 20, "repetition_penalty": 1.05},
        ),
        (
            {"top_k": 5},
            True,
            False,
            {"do_sample": True, "temperature": 0.2, "top_p": 1.0, "top_k": 5, "repetition_penalty": 1.05},
        ),
    ],
)
def test_the_effective_settings_follow_from_the_request(
    asked: dict[str, Any], sample: bool, apply_own: bool, expected: dict[str, Any]
):
    found = settings_in_force(GenerateConfig(**asked), OWN, limit=8, sample=sample, apply_own=apply_own)
    assert found == {"max_new_tokens": 8, "num_return_sequences": 1} | expected


def test_only_settings_that_change_greedy_answers_cause_a_warning():
    assert warning(OwnSettings({"temperature": 0.2, "top_p": 0.9}, (END,), PAD), apply_own=False) is None
    assert "repetition_penalty=1.05" in (warning(OWN, apply_own=False) or "")
