"""Models that Ray itself runs in vLLM engines on the cluster (``vllm/…`` without an address).

vLLM must be installed on the machines of the cluster, which have GPUs or a vLLM that was built for CPUs. The
prompts are those of vLLM's own server. Unlike the server, an engine applies no settings from the model's
``generation_config.json``.
"""

# the types of ray and transformers are not usable here, and not every developer installs them
# pyright: reportMissingImports=false
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from functools import cache, partial
from typing import Any, NamedTuple, Self

from misfire.errors import InputError
from misfire.savacu.calls import ModelReply
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.chat_server import key_of

_NO_LIMIT = 0
"""Represents a request without a token limit in a table. A null value is not used because a column of only
nulls has no type."""


def engine(model: ModelSpec, batch: int) -> Any:  # noqa: ANN401 (Ray's Processor)
    """Return what sends calls to a model in vLLM engines on the cluster.

    Args:
        model: The model. Its arguments are those of the engine.
        batch: Number of calls in a batch.

    Raises:
        InputError: It is not a model of vLLM.
    """
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    provider, _, name = model.model.partition("/")
    if provider != "vllm":
        raise InputError(
            f"{model.model}: --runner ray needs the base_url of an OpenAI-compatible server, or a model "
            "'vllm/…', which Ray runs itself."
        )
    config = vLLMEngineProcessorConfig(
        model_source=name,
        # a copy, because Ray adds settings to it, and the keys of replies contain the model's arguments
        engine_kwargs=dict(model.args),
        concurrency=model.connections or 1,
        batch_size=batch,
        placement_group_config=_cpus_of_an_engine(model),
        # Ray's own stages would add the begin token again that chat templates contain
        chat_template_stage=False,
        tokenize_stage=False,
        detokenize_stage=False,
        log_engine_metrics=False,  # would need Ray Serve
    )
    return build_processor(config, preprocess=partial(to_engine, Tokens.of(model)), postprocess=from_engine)


def _cpus_of_an_engine(model: ModelSpec) -> dict[str, Any] | None:
    """Return what an engine reserves on a cluster without GPUs; None elsewhere, where it reserves GPUs.

    Without this, an engine of a vLLM that was built for CPUs would wait for a GPU forever.
    """
    import ray

    if ray.cluster_resources().get("GPU", 0):
        return None
    workers = model.args.get("tensor_parallel_size", 1) * model.args.get("pipeline_parallel_size", 1)
    return {"bundles": [{"CPU": 1}] * workers}


class Tokens(NamedTuple):
    """Where the tokenizer of an engine is.

    Attributes:
        name: A folder, or a repository of the Hugging Face hub.
        revision: Its revision; None for the default.
    """

    name: str
    revision: str | None

    @classmethod
    def of(cls, model: ModelSpec) -> Self:
        """Return the tokenizer that an engine of the model uses."""
        args = model.args
        return cls(
            args.get("tokenizer") or model.model.partition("/")[2],
            args.get("tokenizer_revision") or args.get("revision"),
        )


def to_engine(tokens: Tokens, row: dict[str, Any]) -> dict[str, Any]:
    """Return the request of an engine for a payload (``payload_of``)."""
    request = json.loads(row["request"])
    # the limit must be passed even if it is None, which means the context length: vLLM's own default is 16
    # tokens
    sampling = {"max_tokens": request.get("max_tokens"), "top_p": request.get("top_p", 1.0)}
    if "temperature" in request:
        sampling["temperature"] = request["temperature"]
    if request.get("top_logprobs"):
        sampling["logprobs"] = request["top_logprobs"]
    return {
        **key_of(row)._asdict(),
        "limit": request.get("max_tokens") or _NO_LIMIT,
        "tokenized_prompt": _prompt_tokens(tokens, request["messages"]),
        "sampling_params": sampling,
    }


def _prompt_tokens(tokens: Tokens, messages: list[dict[str, str]]) -> list[int]:
    """Return the tokens of a conversation as vLLM's server reads it.

    The chat template writes all special tokens, so the tokenizer adds none.
    """
    tokenizer = _tokenizer(tokens)
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@cache
def _tokenizer(tokens: Tokens) -> Any:  # noqa: ANN401 (transformers' own)
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tokens.name, revision=tokens.revision)


def from_engine(row: dict[str, Any]) -> dict[str, str]:
    """Return the key of a call, and the reply (a ``ModelReply`` as JSON) from what an engine returned."""
    logprobs = row.get("logprobs")
    first = logprobs[0] if logprobs is not None and len(logprobs) else None
    tokens = (
        None
        if first is None
        else tuple((top["decoded_token"], top["logprob"]) for top in first.values() if top)
    )
    limit = int(row["limit"])
    stop = "length" if limit != _NO_LIMIT and int(row["num_generated_tokens"]) >= limit else "stop"
    reply = ModelReply.model_validate({"text": row["generated_text"], "stop": stop, "first_token": tokens})
    return {**key_of(row)._asdict(), "reply": reply.model_dump_json(), "error": ""}
