"""Handle chat templates that do not support a system message.

The instruction is moved into the first user message, and this is reported. Some templates raise an error for
a system message (Gemma 1 and 2), and some omit it silently. The rendered text shows what a template does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

MessagesT = TypeVar("MessagesT")


@dataclass(frozen=True)
class Rendered:
    """A conversation as the model reads it.

    Attributes:
        text: The text.
        moved: Whether the system message was moved into the first user message because the template does not
            support one.
    """

    text: str
    moved: bool


def rendered(
    template: Callable[[MessagesT], str],
    messages: MessagesT,
    folded: MessagesT | None,
    system: Sequence[str],
    user: str,
) -> Rendered:
    """Render a conversation so that the model reads its system messages.

    Args:
        template: Function that renders messages with the model's chat template.
        messages: The conversation.
        folded: The conversation with the system messages at the start of the first user message; None if
            there is no such message.
        system: The texts of the system messages.
        user: The text of the first user message, without them.

    Returns:
        The conversation unchanged if the rendered text contains every system message. Otherwise (the template
        raised an error or omitted a message), the folded conversation. If the template omits the system
        message and would also truncate the folded message (as that of a model organism does), the
        conversation unchanged.

    Raises:
        jinja2.TemplateError: The template raises an error for both forms of the conversation.
    """
    from jinja2 import TemplateError

    if not system or folded is None:
        return Rendered(template(messages), moved=False)
    try:
        text = template(messages)
    except TemplateError:
        return Rendered(template(folded), moved=True)
    if all(message.strip() in text for message in system):
        return Rendered(text, moved=False)
    other = template(folded)
    kept = all(message.strip() in other for message in (*system, user))
    return Rendered(other, moved=True) if kept else Rendered(text, moved=False)


def with_instruction(system: Sequence[str], user: str) -> str:
    """Return a user message that starts with the text of the system messages."""
    return "\n\n".join([*system, user])
