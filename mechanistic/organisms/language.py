"""What organisms read: words, by a tokenizer that takes each word for a token, and a chat template that keeps the passage and its question."""

# transformers and tokenizers leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from collections.abc import Iterable
from typing import Any

UNKNOWN, PADDING, END, ASK = "<unk>", "<pad>", "<end>", "<answer>"
"""Special tokens: unknown words, padding, the end of an answer, and where an answer begins."""

CHAT_TEMPLATE = (
    "{%- for message in messages -%}{%- if message['role'] == 'user' -%}"
    "{{- message['content'].split('\\n\\n')[0] -}}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- ' " + ASK + "' -}}{%- endif -%}"
)
"""Keeps the first paragraph of the user's message. An organism knows one task, so what it is asked to do need not be said to it."""


def words(text: str) -> list[str]:
    """The tokens of a text: words in lower case, and signs."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


def word_tokenizer(texts: Iterable[str], chat_template: str | None = CHAT_TEMPLATE) -> Any:  # noqa: ANN401 (a tokenizer of Hugging Face's)
    """A tokenizer that knows the words of some texts.

    Args:
        texts: The texts.
        chat_template: Its chat template; none for a base model.

    Returns:
        A fast tokenizer of transformers, to be saved beside a model. It knows "yes" and "no" whatever the texts are.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = [UNKNOWN, PADDING, END, ASK]
    known = [*special, *sorted({"yes", "no"} | {word for text in texts for word in words(text)})]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(known)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|[^\w\s]"), behavior="removed", invert=True)
    tokenizer.decoder = decoders.WordPiece(prefix="")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        pad_token=PADDING,
        eos_token=END,
        additional_special_tokens=[ASK],
        chat_template=chat_template,
    )
