"""Chat templates that take no system message: the instruction goes into the first user message, and that is said.

Some templates refuse a system message (Gemma 1 and 2), some leave it out without a word; what a template does is seen from what it
renders.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

MessagesT = TypeVar("MessagesT")


@dataclass(frozen=True)
class Rendered:
    """A conversation as a model reads it.

    Attributes:
        text: The text.
        moved: Whether the system message was put into the first user message, since the template takes none.
    """

    text: str
    moved: bool


def rendered(
    template: Callable[[MessagesT], str], messages: MessagesT, folded: MessagesT | None, system: Sequence[str], user: str
) -> Rendered:
    """Render a conversation, with its system messages where the model gets to read them.

    Args:
        template: Renders messages by the model's chat template.
        messages: The conversation.
        folded: The same with the system messages at the start of the first user message; none if there is no such message.
        system: The texts of the system messages.
        user: The text of the first user message, without them.

    Returns:
        The conversation as it is if every system message stands in what the template gives. Otherwise (the template raised an error, or
        left one out) the folded conversation. A template that left the system message out and would cut the folded message too (that of
        a model organism) gets the conversation as it is.

    Raises:
        jinja2.TemplateError: The template refuses the conversation in both forms.
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
    """A user message that opens with what would have been system messages."""
    return "\n\n".join([*system, user])
