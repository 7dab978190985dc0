"""Stages as Ray Data pipelines, for many machines: calls, then ``ray.data.llm``, then replies as Parquet. Extra ``distributed``.

Scheduling, back-pressure, and the loss of a worker are Ray's. Each answer of a server is kept the moment it comes: where a worker is lost
or the build is killed as a whole, only requests that had no answer yet are asked again. Replies of Ray's own engines are written block by
block. The machines need the build's folder in common (a shared file system) and misfire installed.
"""

# ray has no types that hold here, and is not installed by every developer
# pyright: reportMissingImports=false
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
import logging
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from misfire.datasets.json_rows import Fault
from misfire.errors import InputError
from misfire.savacu.calls import Call, Reply
from misfire.savacu.near_duplicates.neighbors import Pairs, near_pairs, sorted_pairs
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.kept_answers import KeepingSession, KeptAnswers, reply_of
from misfire.savacu.runners.runner import Keep, Step, Work, check_given_up, forget_replies, not_done, replies_of
from misfire.savacu.store import shards_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 32
"""Calls of a batch."""

BLOCK = 64
"""Calls of a block, which is written as one file."""

BLOCKS_UNDER_WAY = 2
"""Of each worker that asks: unless limited, all blocks are under way at a time, and hardly any is written before the last reply came."""

SHARE_OF_CPU = 0.1
"""What waiting for replies, and writing them, takes of a processor: workers that wait should leave room to write."""

MAX_RETRIES = 8
"""As with Inspect: a call that fails for a passing reason is tried so often."""

CONCURRENCY = 8
"""Workers that ask, unless the recipe says how many connections a model may have; each has a few calls under way."""


_NO_LIMIT = 0
"""Stands in a row for a request without a limit of tokens: a column of nothing but nulls has no type."""


class RayRunner:
    """Runs shards on a Ray cluster.

    Args:
        address: The cluster to join; none to start one on this machine.
        give_up: Whether calls that fail for good are given up and counted; otherwise the shard is not done.

    Raises:
        InputError: Ray is not installed, or the cluster cannot be joined.
    """

    def __init__(self, address: str | None = None, *, give_up: bool = False) -> None:
        self._give_up = give_up
        _start(address)

    def run(self, work: Work, keep: Keep, step: Step) -> None:
        """Carry a shard out; see ``Runner``."""
        import ray

        folder = replies_of(work.folder, work.label)
        known = _replies(work, folder)
        step(sum(_complete(work, item, known) for item in work.items))
        if not all(_complete(work, item, known) for item in work.items):
            done = ray.put({(name, call) for name, calls in known.items() for call in calls})
            try:
                rows = ray.data.from_arrow(_tables(work))
                calls = rows.flat_map(cast("Any", _calls_of), fn_args=(work.stage, work.model.model, done))
                asked = _processor(work.model, _kept(folder))(calls)
                asked.write_parquet(str(folder / "blocks"), ray_remote_args={"num_cpus": SHARE_OF_CPU})
            except Exception as error:  # Ray wraps whatever a worker raised
                raise InputError(f"{work.label}: {_last_line(error)}\nMend that and run again: what came back is kept.") from error
            before = sum(_complete(work, item, known) for item in work.items)
            known = _replies(work, folder)
            step(sum(_complete(work, item, known) for item in work.items) - before)
        missing = [item.id for item in work.items if not _complete(work, item, known)]
        if missing and not self._give_up:
            raise not_done(work, missing, _first_error(folder))
        check_given_up(work, missing)
        for item in work.items:
            replies = known.setdefault(item.id, {})
            for call in work.stage.calls(item):
                replies.setdefault(call.name, Reply(text="", stop="failed"))
        keep([work.stage.parse(item, known.get(item.id, {})) for item in work.items])
        forget_replies(work.folder, work.label)


def ray_search(fingerprints: "NDArray[np.uint64]", tau: int) -> Pairs:
    """As ``near_pairs``, shared out over the cluster that was joined: the same pairs in the same order.

    Args:
        fingerprints: The fingerprints; each machine holds all of them (8 bytes each) and an index, and searches a part.
        tau: The distance.

    Returns:
        The pairs.
    """
    import ray

    parts = max(1, int(ray.cluster_resources().get("CPU", 1)))
    shared = ray.put(fingerprints)
    search = ray.remote(max_retries=-1)(_search_part)
    found: list[Pairs] = ray.get([search.remote(shared, tau, (part, parts)) for part in range(parts)])
    return sorted_pairs([(pairs.first, pairs.second, pairs.distance) for pairs in found])


def _search_part(fingerprints: "NDArray[np.uint64]", tau: int, part: tuple[int, int]) -> Pairs:
    return near_pairs(fingerprints, tau, part=part)


def _start(address: str | None) -> None:
    try:
        import ray
    except ImportError as error:
        raise InputError("--runner ray needs Ray: pip install 'misfire[distributed]'.") from error
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address=address, include_dashboard=False if address is None else None, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"--ray-address {address}: the cluster cannot be joined ({_last_line(error)}).") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_tasks_in_flight_per_actor = BLOCKS_UNDER_WAY


def _tables(work: Work) -> list[Any]:
    """The items as tables of about a block's calls each, which go through the pipeline one by one."""
    import pyarrow as pa

    size = max(1, BLOCK // len(work.stage.calls(work.items[0])))
    return [pa.table({"record": [item.model_dump_json() for item in items]}) for items in shards_of(work.items, size)]


def _calls_of(row: dict[str, Any], stage: Any, model: str, done: Any) -> list[dict[str, str]]:  # noqa: ANN401 (a stage, a Ray reference)
    """The calls of an item that have no reply yet."""
    import ray

    item = stage.item.model_validate_json(row["record"])
    asked: set[tuple[str, str]] = ray.get(done)
    return [
        {"item": item.id, "call": call.name, "request": json.dumps(request_body(call, model))}
        for call in stage.calls(item)
        if (item.id, call.name) not in asked
    ]


def request_body(call: Call, model: str) -> dict[str, Any]:
    """The body of a request to an OpenAI-compatible server. The model's name there is what stands behind its provider's."""
    provider, _, name = model.partition("/")
    wanted = call.settings
    body: dict[str, Any] = {
        "model": name.partition("/")[2] if provider == "openai-api" else name,
        "messages": [{"role": message.role, "content": message.text} for message in call.messages],
    }
    if wanted.temperature is not None:
        body["temperature"] = wanted.temperature
    if wanted.max_tokens is not None:
        body["max_tokens"] = wanted.max_tokens
    if wanted.top_p < 1:
        body["top_p"] = wanted.top_p
    if wanted.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": wanted.top_logprobs}
    return body


def _processor(model: ModelSpec, kept: Path) -> Any:  # noqa: ANN401 (Ray's Processor)
    from ray.data.llm import HttpRequestProcessorConfig, build_processor

    if model.base_url is None:
        return _engine(model)
    config = HttpRequestProcessorConfig(
        url=f"{model.base_url.rstrip('/')}/chat/completions",
        headers=_headers(model),
        batch_size=BATCH,
        concurrency=model.connections or CONCURRENCY,
        max_retries=MAX_RETRIES,
        session_factory=partial(KeepingSession, str(kept)),
        http_request_stage={"num_cpus": SHARE_OF_CPU},
    )
    return build_processor(config, preprocess=_to_http, postprocess=_from_http)


def _engine(model: ModelSpec) -> Any:  # noqa: ANN401 (Ray's Processor)
    """The model in vLLM engines of the cluster's own."""
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    provider, _, name = model.model.partition("/")
    if provider != "vllm":
        raise InputError(
            f"{model.model}: --runner ray needs base_url, where an OpenAI-compatible server is; or a model 'vllm/…', which Ray runs itself."
        )
    config = vLLMEngineProcessorConfig(model_source=name, engine_kwargs=model.args, concurrency=model.connections or 1, batch_size=BATCH)
    return build_processor(config, preprocess=_to_engine, postprocess=_from_engine)


def _headers(model: ModelSpec) -> dict[str, str]:
    """The key of the provider, from the environment as Inspect takes it: OPENAI_API_KEY, or MYHOST_API_KEY for "openai-api/myhost/…"."""
    parts = model.model.split("/")
    name = (parts[1] if parts[0] == "openai-api" and len(parts) > 1 else parts[0]).upper().replace("-", "_")
    key = os.environ.get(f"{name}_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _to_http(row: dict[str, Any]) -> dict[str, Any]:
    payload = json.loads(row["request"])
    limit = payload.get("max_tokens") or _NO_LIMIT
    return {"item": row["item"], "call": row["call"], "logprobs": "logprobs" in payload, "limit": limit, "payload": payload}


def _from_http(row: dict[str, Any]) -> dict[str, str]:
    answer = json.loads(json.dumps(row["http_response"], default=_plain))
    told = {"item": str(row["item"]), "call": str(row["call"])}
    reply = reply_of(answer, logprobs=bool(row["logprobs"]), limit=int(row["limit"]) or None)
    if isinstance(reply, Fault):
        return told | {"reply": "", "error": str(reply)}
    return told | {"reply": reply.model_dump_json(), "error": ""}


def _to_engine(row: dict[str, Any]) -> dict[str, Any]:
    request = json.loads(row["request"])
    # without a value vLLM's own limit would be 16 tokens; none is as many as the model's context holds
    sampling = {"max_tokens": request.get("max_tokens"), "top_p": request.get("top_p", 1.0)}
    if "temperature" in request:
        sampling["temperature"] = request["temperature"]
    if request.get("top_logprobs"):
        sampling["logprobs"] = request["top_logprobs"]
    return {
        "item": row["item"],
        "call": row["call"],
        "limit": request.get("max_tokens") or _NO_LIMIT,
        "messages": request["messages"],
        "sampling_params": sampling,
    }


def _from_engine(row: dict[str, Any]) -> dict[str, str]:
    logprobs = row.get("logprobs")
    first = logprobs[0] if logprobs is not None and len(logprobs) else None
    tokens = None if first is None else tuple((top["decoded_token"], top["logprob"]) for top in first.values() if top)
    limit = int(row["limit"])
    stop = "length" if limit != _NO_LIMIT and int(row["num_generated_tokens"]) >= limit else "stop"
    reply = Reply.model_validate({"text": row["generated_text"], "stop": stop, "first_token": tokens})
    return {"item": str(row["item"]), "call": str(row["call"]), "reply": reply.model_dump_json(), "error": ""}


def _plain(value: Any) -> Any:  # noqa: ANN401 (numpy's scalars and arrays, which Ray makes of JSON)
    return value.tolist()


_Known = dict[str, dict[str, Reply]]


def _rows(folder: Path) -> Iterable[Mapping[str, str]]:
    """What was written of replies; a file that was written by half is removed."""
    import pyarrow.parquet as pq

    for path in sorted((folder / "blocks").rglob("*.parquet")):
        try:
            yield from pq.read_table(path).to_pylist()
        except (ValueError, OSError):
            path.unlink()


def _replies(work: Work, folder: Path) -> _Known:
    """The replies that came, by item and call: those in blocks, and those that were kept and had not got into a block."""
    known: _Known = {}
    for row in _rows(folder):
        if row["reply"]:
            known.setdefault(row["item"], {})[row["call"]] = Reply.model_validate_json(row["reply"])
    if _kept(folder).exists():
        kept = KeptAnswers(_kept(folder))
        for item in work.items:
            there = known.setdefault(item.id, {})
            for call in work.stage.calls(item):
                if call.name in there or (answer := kept.answer(request_body(call, work.model.model))) is None:
                    continue
                reply = reply_of(answer, logprobs=bool(call.settings.top_logprobs), limit=call.settings.max_tokens)
                if isinstance(reply, Reply):
                    there[call.name] = reply
    return known


def _kept(folder: Path) -> Path:
    return folder / "answers"


def _first_error(folder: Path) -> str:
    return next((row["error"] for row in _rows(folder) if row["error"]), "no reason given")


def _complete(work: Work, item: Any, known: _Known) -> bool:  # noqa: ANN401 (an item of the stage)
    return known.get(item.id, {}).keys() >= {call.name for call in work.stage.calls(item)}


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else repr(error)
