"""The vLLM engines that Ray runs: what they take of the cluster, what they are asked, and what they reply.

``tests/engines/test_vllm.py`` runs them.
"""

# ray is not installed by every developer
# pyright: reportMissingImports=false

import json
from pathlib import Path
from typing import Any

import pytest

from misfire.savacu.calls import ModelReply
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.vllm_engines import Tokens, engine, from_engine, to_engine
from tests.kept import lock

pytestmark = pytest.mark.slow

ray: Any = pytest.importorskip("ray")


@pytest.fixture
def beginning(tmp_path: Path) -> Path:
    """A model whose tokenizer begins every text with a token, as its chat template does too."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import LlamaConfig, PreTrainedTokenizerFast

    words = ["<s>", "<unk>", "user", "assistant", "Hello"]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    folder = tmp_path / "model"
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",  # noqa: S106 (no password)
        unk_token="<unk>",  # noqa: S106 (no password)
        chat_template="{{ bos_token }}{% for message in messages %} {{ message.role }} {{ message.content }}"
        "{% endfor %}{% if add_generation_prompt %} assistant{% endif %}",
    ).save_pretrained(folder)
    LlamaConfig().save_pretrained(folder)
    return folder


def test_an_engine_begins_a_prompt_once(beginning: Path):
    request = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1, "top_logprobs": 20}
    row = {"item": "p1", "call": "c", "asked": "k", "request": json.dumps(request)}
    tokens = Tokens.of(ModelSpec(model=f"vllm/{beginning}"))
    asked = to_engine(tokens, row)
    assert asked["tokenized_prompt"] == [0, 2, 4, 3]
    assert asked["sampling_params"] == {"max_tokens": 1, "top_p": 1.0, "logprobs": 20}
    # given another tokenizer by the recipe
    other = ModelSpec(model="vllm/some/model", args={"tokenizer": str(beginning)})
    assert to_engine(Tokens.of(other), row)["tokenized_prompt"] == [0, 2, 4, 3]


def test_the_reply_of_an_engine_has_the_first_tokens_and_says_when_it_was_cut_off():
    tops = {5230: {"logprob": -1.1, "rank": 1, "decoded_token": "No"}, 504: None}
    key = {"item": "p1", "call": "c", "asked": "k"}
    row = key | {"limit": 2, "generated_text": "No,", "num_generated_tokens": 2, "logprobs": [tops, tops]}
    got = from_engine(row)
    assert got == key | {"reply": got["reply"], "error": ""}
    reply = ModelReply.model_validate_json(got["reply"])
    assert reply == ModelReply(text="No,", stop="length", first_token=(("No", -1.1),))
    # given no limit, or a reply that is shorter
    for limit in (0, 3):
        assert ModelReply.model_validate_json(from_engine(row | {"limit": limit})["reply"]).stop == "stop"


def test_an_engine_takes_cpus_where_there_are_no_gpus_and_leaves_the_recipe_as_it_is(
    beginning: Path,
):
    model = ModelSpec(model=f"vllm/{beginning}", args={"max_model_len": 512})
    # a cluster of its own, and one at a time if several processes test
    with lock("cluster"):
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            taken = engine(model, 32).get_stage_by_name("vLLMEngineStage").map_batches_kwargs
        finally:
            ray.shutdown()
    assert (taken["num_cpus"], taken.get("num_gpus")) == (1, None)
    # the keys of kept replies contain the arguments
    assert model.args == {"max_model_len": 512}
