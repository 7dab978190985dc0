"""Runs each shard of a step as one Inspect task.

Inspect handles routing, batch APIs, rate limits, retries, and the log.

Every reply is kept as soon as it arrives. After a run was killed, only calls that were in progress are
repeated.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from misfire.errors import InputError
from misfire.savacu.calls import Call, ModelReply, lacking
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.kept_replies import CallKeys, KeptReplies
from misfire.savacu.runners.runner import (
    REPLIES,
    TOLERATED_ERRORS,
    Advance,
    Keep,
    Work,
    check_given_up,
    forget_replies,
    not_done,
    replies_of,
)

MAX_RETRIES = 5
"""Maximum number of retries after a temporary failure, which take about two minutes. Without a limit, calls
to a provider that is down
would be retried forever."""


class InspectRunner:
    """Runs shards on this machine.

    Args:
        batch: Whether to use the batch APIs of providers that have one. They cost about half and can take up
            to a day.
        give_up: Whether to give up and count calls that fail permanently. Otherwise, such calls stop the
            shard with an error.
    """

    def __init__(self, *, batch: bool = False, give_up: bool = False) -> None:
        self._batch = batch
        self._give_up = give_up

    def run(self, work: Work, keep: Keep, advance: Advance) -> None:
        """Run a shard; see ``Runner``."""
        from inspect_ai import eval as run_tasks  # pyright: ignore[reportUnknownVariableType] (typed in part)
        from inspect_ai.model import GenerateConfig, get_model

        config = GenerateConfig(
            max_connections=work.model.connections, max_retries=MAX_RETRIES, batch=self._batch or None
        )
        outcomes: dict[str, Any] = {}
        given_up: set[str] = set()
        kept = KeptReplies(replies_of(work.folder, work.label).with_suffix(REPLIES))
        try:
            logs = run_tasks(
                _task(work, _Asker(work, kept, given_up if self._give_up else None), outcomes, advance),
                model=get_model(
                    work.model.model, base_url=work.model.base_url, config=config, **work.model.args
                ),
                log_dir=str(work.folder / "logs" / work.label.rpartition("/")[0]),
                log_realtime=False,
                log_model_api=False,
                fail_on_error=TOLERATED_ERRORS,
                display="none",
                score=False,
                ctl_server=False,
                acp_server=False,
            )
        finally:
            kept.close()
        # Inspect returns no logs if it was interrupted before it created one
        if not logs or any(log.status == "cancelled" for log in logs):
            raise KeyboardInterrupt
        missing = [item.id for item in work.items if item.id not in outcomes]
        if missing:
            errors = [sample.error.message for log in logs for sample in log.samples or [] if sample.error]
            errors += [log.error.message for log in logs if log.error]
            raise not_done(work, missing, errors[0] if errors else "")
        check_given_up(work, given_up)
        keep([outcomes[item.id] for item in work.items])
        forget_replies(work.folder, work.label)


@dataclass(frozen=True)
class _Asker:
    """Makes the calls of a shard, and keeps each reply as soon as it arrives.

    Attributes:
        work: The shard.
        kept: The replies that were kept so far.
        given_up: Collects the ids of items with calls that failed permanently; None if such calls are errors.
    """

    work: Work
    kept: KeptReplies
    given_up: set[str] | None

    async def ask(self, model: Any, item_id: str, call: Call) -> ModelReply:  # noqa: ANN401 (Inspect's Model, imported late)
        """Return the reply to a call, from the kept replies or from the model."""
        from misfire.model_calls.ask import ask as ask_once

        key = self._keys.key(item_id, call)
        if (there := self.kept.reply(key)) is not None:
            return there
        try:
            reply = _reply((await ask_once(model, _messages(call), _config(call))).output)
            if reason := lacking(reply, call.settings):
                raise InputError(reason)
        except Exception as error:
            if self.given_up is not None:
                self.given_up.add(item_id)
                return ModelReply(text="", stop="failed")
            raise InputError(f"{_who(self.work.model)}: {_cause(error)}") from error
        self.kept.keep(key, reply)
        return reply

    @cached_property
    def _keys(self) -> CallKeys:
        return CallKeys(self.work.model)


def _task(work: Work, asker: _Asker, outcomes: dict[str, Any], advance: Advance) -> Any:  # noqa: ANN401 (Inspect's Task)
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ModelOutput, get_model
    from inspect_ai.solver import Generate, TaskState, solver
    from inspect_ai.util import collect

    step = work.step
    items = {item.id: item for item in work.items}

    @solver(name="savacu_stage")
    def carry_out() -> Any:  # noqa: ANN401 (an Inspect solver)
        async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 (Inspect's signature)
            item, model = items[str(state.sample_id)], get_model()
            calls = step.calls(item)
            replies = await collect(*[asker.ask(model, item.id, call) for call in calls])
            outcome = step.parse(item, {call.name: reply for call, reply in zip(calls, replies, strict=True)})
            outcomes[item.id] = outcome
            state.output = ModelOutput.from_content(str(model), outcome.model_dump_json())
            advance(1)
            return state

        return solve

    samples = [Sample(id=item.id, input=str(getattr(item, "text", item.id))) for item in work.items]
    return Task(
        dataset=MemoryDataset(samples, name=work.label),
        solver=carry_out(),
        name=f"savacu_{work.label.replace('/', '_')}",
        version=step.version,
        metadata={"stage": step.name, "shard": work.label},
    )


def _who(model: ModelSpec) -> str:
    return f"{model.model} at {model.base_url}" if model.base_url else model.model


def _cause(error: BaseException) -> str:
    """Describe an error in one line. For calls that were retried, describe the last error."""
    attempt = getattr(error, "last_attempt", None)
    last = attempt.exception() if attempt is not None else None
    return str(error) if isinstance(error, InputError) else f"{type(last or error).__name__}: {last or error}"


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


def _reply(output: Any) -> ModelReply:  # noqa: ANN401 (Inspect's ModelOutput, imported late)
    from misfire.model_calls.ask import reached_limit

    if not output.choices or (output.error and output.stop_reason != "content_filter"):
        raise RuntimeError(output.error or "the provider returned no output")
    choice = output.choices[0]
    first = choice.logprobs.content[0] if choice.logprobs and choice.logprobs.content else None
    tokens = (
        None if first is None else tuple((top.token, top.logprob) for top in first.top_logprobs or [first])
    )
    stop = (
        "length" if reached_limit(output) else "refused" if output.stop_reason == "content_filter" else "stop"
    )
    return ModelReply.model_validate({"text": output.completion, "stop": stop, "first_token": tokens})
