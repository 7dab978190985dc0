"""Adapt Inspect's Hugging Face provider (``hf/…``), so that a task needs no special flags for it.

- Temperature 0 is greedy. Inspect would ask transformers to sample at temperature 0, which is an error.
- A model without a chat template (a base model) is asked in plain text that ends with ``Answer:``. Inspect
  would write ``user: …``, after which a model continues with anything.
- A chat template's begin token is not added a second time.
- Of a long list of log-probabilities, the log keeps the most likely tokens and the answers.

The last point concerns ``intervened/…`` too, which is built from this provider. It does the rest by itself.
"""

from collections.abc import Sequence
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from misfire.errors import InputError
from misfire.model_calls.answer_words import Word, answer_ids, word_of

PLAIN_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}{{- 'Answer: ' -}}{%- endif -%}"
    "{{- message['content'] + '\\n\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- 'Answer:' -}}{%- endif -%}"
)
"""The text for a model without a chat template: instruction and question, then ``Answer:``."""

LISTED = 1000
"""Number of most likely first tokens that are searched for answers in a local model."""

_KEPT = 20
"""Number of most likely tokens that the log keeps of a longer list, as many as servers return at most."""

_ADAPTED = "misfire_adapted"
_CHECKED = "misfire_answer_tokens"


def is_hugging_face(api: ModelAPI) -> bool:
    """Check for Inspect's Hugging Face provider or one derived from it.

    The check is by name, since importing the class would import torch.
    """
    return (
        any(kind.__name__ == "HuggingFaceAPI" for kind in type(api).__mro__)
        and getattr(api, "tokenizer", None) is not None
    )


def adapt(api: ModelAPI) -> None:
    """Adapt a model of ``hf/…`` or ``intervened/…``. Other providers are left as they are.

    Args:
        api: The model. Adapting it again does nothing.
    """
    if not is_hugging_face(api) or hasattr(api, _ADAPTED):
        return
    setattr(api, _ADAPTED, True)
    _set_template(api)
    _adapt_generate(api)


def require_answer_tokens(api: ModelAPI, words: Sequence[Word]) -> None:
    """Raise an error if a local model has no token of its own for an answer.

    Args:
        api: A model of any provider. The tokens of a server's model are not known here.
        words: The answers.

    Raises:
        InputError: An answer has no token.
    """
    checked: frozenset[Word] = getattr(api, _CHECKED, frozenset[Word]())
    if not is_hugging_face(api) or checked.issuperset(words):
        return
    vocabulary: dict[str, int] = getattr(api, "tokenizer").get_vocab()  # noqa: B009 (not part of every API)
    if missing := [word for word in words if not answer_ids(vocabulary, word)]:
        raise InputError(
            f"readout=logprobs: the tokenizer of {api.model_name} has no single token for {missing[0]} "
            "(tried yes, Yes, YES and similar, with and without a space). Use readout=text."
        )
    setattr(api, _CHECKED, frozenset(words))


def _set_template(api: Any) -> None:  # noqa: ANN401 (the provider's own)
    own = api.chat_template if isinstance(api.chat_template, str) else api.tokenizer.chat_template
    if own is None or api.use_chat_template is False:
        api.chat_template, api.use_chat_template = PLAIN_TEMPLATE, None
    else:
        api.tokenizer_call_args = {"add_special_tokens": False} | dict(api.tokenizer_call_args or {})


def _adapt_generate(api: Any) -> None:  # noqa: ANN401 (the provider's own)
    generate, samples = api.generate, api.do_sample

    async def adapted(
        input: list[ChatMessage],  # noqa: A002 (Inspect's name)
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        # the provider reads this before it first waits, so calls with other temperatures do not interfere
        api.do_sample = samples and config.temperature != 0
        changes: dict[str, Any] = {} if api.do_sample else {"temperature": None}
        wanted = config.top_logprobs
        if wanted is not None:
            changes["top_logprobs"] = min(wanted, _vocabulary_size(api))
        output: ModelOutput = await generate(input, tools, tool_choice, config.model_copy(update=changes))
        return _shortened(output) if wanted == LISTED else output

    api.generate = adapted


def _vocabulary_size(api: Any) -> int:  # noqa: ANN401 (the provider's own)
    return int(api.model.get_output_embeddings().weight.shape[0])


def _shortened(output: ModelOutput) -> ModelOutput:
    """Return an output without most of the unlikely tokens in its lists."""

    def shorter(token: Logprob) -> Logprob:
        top = token.top_logprobs or []
        # the last token is the bound of what is not listed
        kept = [*top[:_KEPT], *(one for one in top[_KEPT:-1] if word_of(one.token)), *top[_KEPT:][-1:]]
        return token.model_copy(update={"top_logprobs": kept})

    def short(choice: ChatCompletionChoice) -> ChatCompletionChoice:
        if choice.logprobs is None:
            return choice
        return choice.model_copy(
            update={"logprobs": Logprobs(content=[shorter(token) for token in choice.logprobs.content])}
        )

    return output.model_copy(update={"choices": [short(choice) for choice in output.choices]})
