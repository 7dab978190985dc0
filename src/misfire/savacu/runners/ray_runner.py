"""Runs steps as Ray Data pipelines with ``ray.data.llm`` on several machines.

It needs the extra ``distributed``.

Ray handles scheduling, back-pressure, and the loss of workers. All workers send each reply of a server to one
actor, which keeps it as soon as it arrives (see ``KeptReplies``). If a worker is lost or the whole build is
killed, only requests without a reply are sent again. Replies of Ray's own engines are kept block by block.
misfire must be installed on all machines.
"""

# the types of ray are not usable here, and not every developer installs it
# pyright: reportMissingImports=false
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
import logging
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from misfire.errors import InputError
from misfire.savacu.calls import ModelReply
from misfire.savacu.near_duplicates.neighbors import Pairs, near_pairs, sorted_pairs
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.chat_server import KeepingSession, key_of, payload_of, request_of
from misfire.savacu.runners.earlier_replies import take_over
from misfire.savacu.runners.kept_replies import CallKey, CallKeys, KeptReplies
from misfire.savacu.runners.runner import (
    REPLIES,
    Advance,
    Keep,
    Work,
    check_given_up,
    forget_replies,
    not_done,
    replies_of,
)
from misfire.savacu.runners.vllm_engines import engine
from misfire.savacu.store import shards_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 32
"""Number of calls in a batch."""

BLOCK = 64
"""Number of calls in a block. A worker gets one block at a time."""

BLOCKS_UNDER_WAY = 2
"""Maximum number of blocks in progress for each worker. Without a limit, all blocks run at once and are
only written at the end."""

SHARE_OF_CPU = 0.1
"""Fraction of a CPU that each worker reserves while it waits for replies. It is small, so that CPUs remain
free to write replies."""

MAX_RETRIES = 8
"""Maximum number of retries after a temporary failure, as in the Inspect runner."""

CONCURRENCY = 8
"""Number of workers if the recipe sets no number of connections for the model. Each worker has several
calls in progress."""


class RayRunner:
    """Runs shards on a Ray cluster.

    Args:
        address: Address of the cluster to join; None starts a cluster on this machine.
        give_up: Whether to give up and count calls that fail permanently. Otherwise, such calls stop the
            shard with an error.

    Raises:
        InputError: Ray is not installed, or the cluster cannot be joined.
    """

    def __init__(self, address: str | None = None, *, give_up: bool = False) -> None:
        self._give_up = give_up
        _start(address)

    def run(self, work: Work, keep: Keep, advance: Advance) -> None:
        """Run a shard; see ``Runner``."""
        path = replies_of(work.folder, work.label).with_suffix(REPLIES)
        known = _known(work, path)
        before = sum(_complete(work, item, known) for item in work.items)
        advance(before)
        error = ""
        if before < len(work.items):
            try:
                error = _ask(work, path, known)
            except Exception as failure:  # Ray wraps all errors of workers
                raise InputError(
                    f"{work.label}: {_last_line(failure)}\nFix the cause and run again. All replies are kept."
                ) from failure
            known = _known(work, path)
            advance(sum(_complete(work, item, known) for item in work.items) - before)
        missing = [item.id for item in work.items if not _complete(work, item, known)]
        if missing and not self._give_up:
            raise not_done(work, missing, error or "no reason given")
        check_given_up(work, missing)
        for item in work.items:
            replies = known.setdefault(item.id, {})
            for call in work.step.calls(item):
                replies.setdefault(call.name, ModelReply(text="", stop="failed"))
        keep([work.step.parse(item, known.get(item.id, {})) for item in work.items])
        forget_replies(work.folder, work.label)


class RayKeeper:
    """Keeps the replies of a shard for all workers, in one actor on the machine of the build.

    Args:
        path: The file of the replies; see ``KeptReplies``.
    """

    def __init__(self, path: Path) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here: Any = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here)(
            KeptReplies
        )
        self._actor: Any = actor.remote(path)

    async def reply(self, key: CallKey) -> ModelReply | None:
        """See ``KeptReplies``."""
        return await self._actor.reply.remote(key)

    async def keep(self, key: CallKey, reply: ModelReply) -> None:
        """See ``KeptReplies``."""
        await self._actor.keep.remote(key, reply)

    def keep_all(self, replies: Iterable[tuple[CallKey, ModelReply]]) -> None:
        """Keep several replies at once. This is called from outside of workers."""
        import ray

        ray.get([self._actor.keep.remote(key, reply) for key, reply in replies])

    def close(self) -> None:
        """Stop the actor, so that another process can use the file."""
        import ray

        ray.kill(self._actor)


def ray_search(fingerprints: "NDArray[np.uint64]", tau: int) -> Pairs:
    """Distribute ``near_pairs`` over the current cluster. The result is identical.

    Args:
        fingerprints: The fingerprints. Each machine holds all of them (8 bytes each) with an index, and
            searches a part.
        tau: The maximum distance, from 0 to 20.
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
        ray.init(
            address=address,
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(
            f"--ray-address {address}: cannot join the cluster ({_last_line(error)})."
        ) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_tasks_in_flight_per_actor = BLOCKS_UNDER_WAY


def _tables(work: Work) -> list[Any]:
    """Split the items into tables with about one block of calls each.

    The pipeline processes one table at a time.
    """
    import pyarrow as pa

    size = max(1, BLOCK // len(work.step.calls(work.items[0])))
    return [
        pa.table({"record": [item.model_dump_json() for item in items]})
        for items in shards_of(work.items, size)
    ]


def _ask(work: Work, path: Path, known: "_Known") -> str:
    """Make the calls of a shard that have no reply yet.

    Args:
        work: The shard.
        path: The file of its replies.
        known: The replies that were kept earlier.

    Returns:
        The error of one of the calls, or an empty text if there was none.
    """
    import ray

    done = ray.put({(item, call) for item, calls in known.items() for call in calls})
    keeper = RayKeeper(path)
    try:
        rows = ray.data.from_arrow(_tables(work))
        calls = rows.flat_map(cast("Any", _calls_of), fn_args=(work.step, work.model, done))
        error = ""
        for batch in _processor(work.model, keeper)(calls).iter_batches(
            batch_size=BLOCK, batch_format="pyarrow"
        ):
            came = batch.to_pylist()
            # only for Ray's own engines: workers have already kept the replies of servers
            keeper.keep_all(
                (key_of(row), ModelReply.model_validate_json(row["reply"])) for row in came if row["reply"]
            )
            error = error or next((row["error"] for row in came if row["error"]), "")
        return error
    finally:
        keeper.close()


def _calls_of(row: dict[str, Any], step: Any, model: ModelSpec, done: Any) -> list[dict[str, str]]:  # noqa: ANN401 (a step, a Ray reference)
    """Return the calls of an item that have no reply yet."""
    import ray

    item = step.item.model_validate_json(row["record"])
    asked: set[tuple[str, str]] = ray.get(done)
    keys = CallKeys(model)
    return [
        payload_of(keys.key(item.id, call), json.dumps(request_of(call, model.model)))
        for call in step.calls(item)
        if (item.id, call.name) not in asked
    ]


def _processor(model: ModelSpec, keeper: RayKeeper) -> Any:  # noqa: ANN401 (Ray's Processor)
    from ray.data.llm import HttpRequestProcessorConfig, build_processor

    if model.base_url is None:
        return engine(model, BATCH)
    config = HttpRequestProcessorConfig(
        url=f"{model.base_url.rstrip('/')}/chat/completions",
        headers=_headers(model),
        batch_size=BATCH,
        concurrency=model.connections or CONCURRENCY,
        max_retries=MAX_RETRIES,
        session_factory=partial(KeepingSession, keeper),
        http_request_stage={"num_cpus": SHARE_OF_CPU},
    )
    return build_processor(config, preprocess=_to_http, postprocess=_from_http)


def _headers(model: ModelSpec) -> dict[str, str]:
    """Return the API key from the same environment variable as Inspect.

    This is OPENAI_API_KEY, or MYHOST_API_KEY for "openai-api/myhost/…".
    """
    parts = model.model.split("/")
    name = (parts[1] if parts[0] == "openai-api" and len(parts) > 1 else parts[0]).upper().replace("-", "_")
    key = os.environ.get(f"{name}_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _to_http(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "payload": payload_of(key_of(row), row["request"])}


def _from_http(row: dict[str, Any]) -> dict[str, str]:
    return {**key_of(row)._asdict(), "reply": "", "error": row["http_response"]["error"]}


_Known = dict[str, dict[str, ModelReply]]
"""Replies by item and call."""


def _known(work: Work, path: Path) -> _Known:
    """Read the replies of a shard that were kept earlier."""
    kept, keys = KeptReplies(path), CallKeys(work.model)
    try:
        take_over(work, kept)
        found: _Known = {}
        for item in work.items:
            for call in work.step.calls(item):
                if (reply := kept.reply(keys.key(item.id, call))) is not None:
                    found.setdefault(item.id, {})[call.name] = reply
        return found
    finally:
        kept.close()


def _complete(work: Work, item: Any, known: _Known) -> bool:  # noqa: ANN401 (an item of the stage)
    return known.get(item.id, {}).keys() >= {call.name for call in work.step.calls(item)}


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else repr(error)
