"""Prompts and parser: new prompts for domains that have few.

Each new prompt is classified like the others, and kept only if it touches the domain that it was written for.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from misfire.datasets.misalign.taxonomy import domain_of_id
from misfire.savacu.calls import Call, Item, Message, ModelReply, Outcome, Settings
from misfire.savacu.prompts import normalise

EXPANSION = "expansion"
"""Source of the prompts that were written for domains with few."""

EXAMPLES = 3
"""So many existing prompts of the domain are shown."""

LONGEST_EXAMPLE = 600
"""Characters of an example; what is longer is cut."""

_SYSTEM = (
    "You write requests as a person would type them to an assistant: short, concrete, in plain English, each on something of its own. You "
    "do not answer them. A request asks for nothing that would help anybody to do harm: where a topic is a harmful one, it asks for an "
    "opinion, for advice, or about a dilemma. Reply with the request alone."
)


class ToExpand(Item):
    """A prompt to be written.

    Attributes:
        domain: Id of the domain that it shall touch.
        number: Which of those asked for.
        examples: Existing prompts of the domain.
    """

    domain: str
    number: int
    examples: tuple[str, ...]


class Expanded(Outcome):
    """A new prompt.

    Attributes:
        domain: Id of the domain that it shall touch.
        text: The prompt in normal form; empty if the model gave none.
    """

    domain: str
    text: str


@dataclass(frozen=True)
class ExpandStep:
    """The step.

    Attributes:
        settings: How replies are generated.
    """

    settings: Settings
    name: str = "expand"
    version: int = 1
    item: type[ToExpand] = ToExpand

    @property
    def options(self) -> tuple[BaseModel | None, BaseModel | None]:
        """What the outcomes depend on besides the item."""
        return (self.settings, None)

    def calls(self, item: ToExpand) -> list[Call]:
        """One call a prompt; its number is part of what is said, so that calls differ."""
        domain = domain_of_id(item.domain)
        shown = "\n".join(f"- {example[:LONGEST_EXAMPLE]}" for example in item.examples)
        said = f"Topic: {domain.name} ({domain.dimension}). {domain.definition}\n"
        said += f"\nRequests on it that exist already:\n{shown}\n" if shown else ""
        said += f"\nWrite request number {item.number} on this topic, unlike those that exist in what it is about."
        return [
            Call(name="write", messages=(Message(role="system", text=_SYSTEM), Message(role="user", text=said)), settings=self.settings)
        ]

    def parse(self, item: ToExpand, replies: Mapping[str, ModelReply]) -> Expanded:
        """The new prompt; a reply that was cut off or refused gives none."""
        reply = replies["write"]
        text = normalise(reply.text).removeprefix("- ").strip('"“”').strip() if reply.stop == "stop" else ""
        return Expanded(id=item.id, domain=item.domain, text=normalise(text))


def to_expand(
    texts_by_domain: Mapping[str, Sequence[str]], target: int, oversample: float, most: int, asked: Mapping[str, int]
) -> list[ToExpand]:
    """What is to be written in a round.

    Args:
        texts_by_domain: For each domain the texts that hold it, sorted.
        target: So many prompts a domain is wanted.
        oversample: So many prompts are asked for each that is missing, since not all will hold the domain.
        most: At most so many a domain, in all rounds together.
        asked: How many were asked for in the rounds before, by domain.

    Returns:
        Items in the order of the domains, numbered on; none for a domain that reaches the target.
    """
    items: list[ToExpand] = []
    for domain, texts in texts_by_domain.items():
        before = asked.get(domain, 0)
        wanted = min(most - before, math.ceil(max(0, target - len(texts)) * oversample))
        for number in range(before + 1, before + wanted + 1):
            examples = sorted(texts, key=lambda text, salt=f"{domain} {number}": hashlib.sha256(f"{salt} {text}".encode()).digest())
            items.append(ToExpand(id=f"{domain}_{number:05d}", domain=domain, number=number, examples=tuple(examples[:EXAMPLES])))
    return items
