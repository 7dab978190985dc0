"""Stages as Inspect tasks, one a shard: routing, retries, batch APIs, rate limits and the log are Inspect's.

Every reply is in Inspect's cache as soon as it comes, in a folder of the shard's own: a run that was killed asks again only what was
under way (and what a provider's filter blocked, which Inspect does not cache). The folder goes when the shard's outcomes are written.
"""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from misfire.datasets.savacu.calls import Call, Reply
from misfire.datasets.savacu.runner import Keep, Step, Work
from misfire.errors import InputError

TOLERATED_ERRORS = 0.2
"""A shard ends early once this share of its items has failed: then the provider, not the item, is at fault."""

MAX_RETRIES = 8
"""A call that fails for a passing reason is tried so often; without a limit a provider that is down would be asked for ever."""


class InspectRunner:
    """Runs shards on this machine.

    Args:
        batch: Whether calls go through the providers' batch APIs, where they have one: half the price, within a day.
    """

    def __init__(self, *, batch: bool = False) -> None:
        self._batch = batch

    def run(self, work: Work, keep: Keep, step: Step) -> None:
        """Carry a shard out; see ``Runner``."""
        from inspect_ai import eval as run_tasks  # pyright: ignore[reportUnknownVariableType] (typed in part)
        from inspect_ai.model import GenerateConfig, get_model

        config = GenerateConfig(max_connections=work.model.connections, max_retries=MAX_RETRIES, batch=self._batch or None)
        outcomes: dict[str, Any] = {}
        cache = work.folder / "replies" / work.label
        with _cache_in(cache):
            logs = run_tasks(
                _task(work, outcomes, step),
                model=get_model(work.model.model, base_url=work.model.base_url, config=config, **work.model.args),
                log_dir=str(work.folder / "logs" / work.label.rpartition("/")[0]),
                log_realtime=False,
                log_model_api=False,
                fail_on_error=TOLERATED_ERRORS,
                display="none",
                score=False,
                ctl_server=False,
                acp_server=False,
            )
        if any(log.status == "cancelled" for log in logs):
            raise KeyboardInterrupt
        missing = [item.id for item in work.items if item.id not in outcomes]
        if missing:
            errors = [sample.error.message for log in logs for sample in log.samples or [] if sample.error]
            errors += [log.error.message for log in logs if log.error]
            raise InputError(
                f"{work.label}: {len(missing)} of {len(work.items)} items could not be done, for example {missing[0]}: "
                f"{errors[0].strip().splitlines()[-1] if errors else 'no reason given'}\nMend that and run again: what came back is kept."
            )
        keep([outcomes[item.id] for item in work.items])
        shutil.rmtree(cache, ignore_errors=True)


def _task(work: Work, outcomes: dict[str, Any], step: Step) -> Any:  # noqa: ANN401 (an Inspect task, imported late)
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import Model, ModelOutput, get_model
    from inspect_ai.solver import Generate, TaskState, solver
    from inspect_ai.util import collect

    stage = work.stage
    items = {item.id: item for item in work.items}

    async def ask(model: Model, item_id: str, call: Call) -> Reply:
        return _reply(await model.generate(_messages(call), config=_config(call), cache=_cached(item_id, call)))

    @solver(name="savacu_stage")
    def carry_out() -> Any:  # noqa: ANN401 (an Inspect solver)
        async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 (Inspect's signature)
            item, model = items[str(state.sample_id)], get_model()
            calls = stage.calls(item)
            replies = await collect(*[ask(model, item.id, call) for call in calls])
            outcome = stage.parse(item, {call.name: reply for call, reply in zip(calls, replies, strict=True)})
            outcomes[item.id] = outcome
            state.output = ModelOutput.from_content(str(model), outcome.model_dump_json())
            step(1)
            return state

        return solve

    samples = [Sample(id=item.id, input=str(getattr(item, "text", item.id))) for item in work.items]
    return Task(
        dataset=MemoryDataset(samples, name=work.label),
        solver=carry_out(),
        name=f"savacu_{work.label.replace('/', '_')}",
        version=stage.version,
        metadata={"stage": stage.name, "shard": work.label},
    )


def _messages(call: Call) -> list[Any]:
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser}
    return [kinds[message.role](content=message.text) for message in call.messages]


def _config(call: Call) -> Any:  # noqa: ANN401 (Inspect's, imported late)
    from inspect_ai.model import GenerateConfig

    wanted = call.settings
    return GenerateConfig(
        temperature=wanted.temperature,
        top_p=wanted.top_p if wanted.top_p < 1 else None,
        max_tokens=wanted.max_tokens,
        logprobs=True if wanted.top_logprobs else None,
        top_logprobs=wanted.top_logprobs,
    )


def _cached(item_id: str, call: Call) -> Any:  # noqa: ANN401 (Inspect's, imported late)
    from inspect_ai.model import CachePolicy

    return CachePolicy(expiry=None, per_epoch=False, scopes={"item": item_id, "call": call.name})


def _reply(output: Any) -> Reply:  # noqa: ANN401 (Inspect's ModelOutput, imported late)
    if output.error or not output.choices:
        raise RuntimeError(output.error or "the provider gave no output")
    choice = output.choices[0]
    first = choice.logprobs.content[0] if choice.logprobs and choice.logprobs.content else None
    tokens = None if first is None else tuple((top.token, top.logprob) for top in first.top_logprobs or [first])
    stops = {"max_tokens": "length", "model_length": "length", "content_filter": "refused"}
    return Reply.model_validate({"text": output.completion, "stop": stops.get(choice.stop_reason, "stop"), "first_token": tokens})


@contextmanager
def _cache_in(folder: Path) -> Generator[None]:
    """Have Inspect keep its cache in a folder."""
    before = os.environ.get("INSPECT_CACHE_DIR")
    os.environ["INSPECT_CACHE_DIR"] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ["INSPECT_CACHE_DIR"]
        else:
            os.environ["INSPECT_CACHE_DIR"] = before
