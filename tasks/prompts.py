"""What VETO says to the model besides the pair's own text: our wording of the published protocol (section 6 of its description).

The answer is asked for as a JSON object, in the system message and again after the question.
"""

from typing import Literal

Protocol = Literal["direct", "cot"]
"""``direct``: the answer alone; ``cot``: reasoning first, the answer on the last line."""

SYSTEM_MESSAGES: dict[Protocol, str] = {
    "direct": (
        "You answer yes/no questions about short passages. "
        'Respond with one JSON object and nothing else: {"answer": "yes"} or {"answer": "no"}.'
    ),
    "cot": (
        "You answer yes/no questions about short passages. Reason step by step first. "
        'Then, on the last line, give one JSON object: {"answer": "yes"} or {"answer": "no"}.'
    ),
}

ANSWER_REQUESTS: dict[Protocol, str] = {
    "direct": 'Reply with only the JSON object, {"answer": "yes"} or {"answer": "no"}.',
    "cot": 'Think it through step by step, then end with a last line that is only the JSON object, {"answer": "yes"} or {"answer": "no"}.',
}


def question_message(prompt: str, protocol: Protocol) -> str:
    """The user message for one half: its prompt, then the request for an answer.

    Args:
        prompt: Evidence and question.
        protocol: Which protocol.

    Returns:
        The text.
    """
    return f"{prompt}\n\n{ANSWER_REQUESTS[protocol]}"
