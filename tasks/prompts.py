"""VETO's prompts apart from the text of the pairs.

They are our wording of the published protocol (section 6 of its description).

The answer is requested as a JSON object, in the system message and again after the question.
"""

from typing import Literal

from misfire.model_calls.first_token import Readout

Protocol = Literal["direct", "cot"]
"""``direct``: only the answer. ``cot``: reasoning first, and the answer on the last line."""

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
    "cot": (
        "Think it through step by step, then end with a last line that is only the JSON object, "
        '{"answer": "yes"} or {"answer": "no"}.'
    ),
}

THREE_WAY_SYSTEM_MESSAGES: dict[Protocol, str] = {
    "direct": (
        "You answer yes/no questions about short passages; where the passage does not settle the question, "
        "the answer is unknown. "
        'Respond with one JSON object and nothing else: {"answer": "yes"}, {"answer": "no"} or {"answer": '
        '"unknown"}.'
    ),
    "cot": (
        "You answer yes/no questions about short passages; where the passage does not settle the question, "
        "the answer is unknown. Reason step by step first. "
        'Then, on the last line, give one JSON object: {"answer": "yes"}, {"answer": "no"} or {"answer": '
        '"unknown"}.'
    ),
}
"""The system messages with "unknown" as a third answer (controls). They are our own, since the published
protocol has no third answer."""

THREE_WAY_ANSWER_REQUESTS: dict[Protocol, str] = {
    "direct": (
        'Reply with only the JSON object, {"answer": "yes"}, {"answer": "no"} or {"answer": "unknown"}.'
    ),
    "cot": (
        "Think it through step by step, then end with a last line that is only the JSON object, "
        '{"answer": "yes"}, {"answer": "no"} or {"answer": "unknown"}.'
    ),
}


WORD_SYSTEM_MESSAGE = "You answer yes/no questions about short passages. Answer with one word: yes or no."
WORD_REQUEST = "Answer with one word: yes or no."
"""The request for a one-word answer, whose first token is the answer (``-T readout=logprobs``, and the probe
of ``misfire localise``). It is our own, since the published request is for a JSON object."""

THREE_WAY_WORD_SYSTEM_MESSAGE = (
    "You answer yes/no questions about short passages; where the passage does not settle the question, "
    "the answer is unknown. "
    "Answer with one word: yes, no or unknown."
)
THREE_WAY_WORD_REQUEST = "Answer with one word: yes, no or unknown."


DEMO_REASONING = (
    "The passage states whom this is about; the question asks about one person, so the answer "
    "follows from the passage."
)
"""The reasoning in a demonstration if the protocol asks for reasoning."""


def demo_answer(answer: str, protocol: Protocol, readout: Readout = "text") -> str:
    """Return the reply in a demonstration.

    Args:
        answer: "yes" or "no".
        protocol: The protocol.
        readout: How answers are read.

    Returns:
        The JSON object, after a sentence of reasoning for ``cot``. The word alone if first tokens are read.
    """
    if readout == "logprobs":
        return answer
    reply = f'{{"answer": "{answer}"}}'
    return f"{DEMO_REASONING}\n{reply}" if protocol == "cot" else reply


def question_message(
    prompt: str, protocol: Protocol, readout: Readout = "text", *, three_way: bool = False
) -> str:
    """Return the user message for one half: its prompt, then the request for an answer.

    Args:
        prompt: Evidence and question.
        protocol: The protocol.
        readout: How the answer is read. The first token must be the answer if it is read from that.
        three_way: Whether "unknown" is a third answer.
    """
    if readout == "logprobs":
        return f"{prompt}\n\n{THREE_WAY_WORD_REQUEST if three_way else WORD_REQUEST}"
    requests = THREE_WAY_ANSWER_REQUESTS if three_way else ANSWER_REQUESTS
    return f"{prompt}\n\n{requests[protocol]}"


def system_message(protocol: Protocol, readout: Readout = "text", *, three_way: bool = False) -> str:
    """Return the system message.

    Args:
        protocol: The protocol.
        readout: How the answer is read.
        three_way: Whether "unknown" is a third answer.
    """
    if readout == "logprobs":
        return THREE_WAY_WORD_SYSTEM_MESSAGE if three_way else WORD_SYSTEM_MESSAGE
    return (THREE_WAY_SYSTEM_MESSAGES if three_way else SYSTEM_MESSAGES)[protocol]
