"""The model and the settings of the run in progress, and the record of each model call."""

from inspect_ai.event import ModelEvent
from inspect_ai.log import transcript
from inspect_ai.model._generate_config import active_generate_config
from inspect_ai.model._model import (
    ModelEventSink,
    _model_event_sink,  # pyright: ignore[reportPrivateUsage]
    active_model,
    use_model_event_sink,
)

__all__ = [
    "ModelEventSink",
    "active_generate_config",
    "active_model",
    "current_event_sink",
    "log_event",
    "log_event_update",
    "use_model_event_sink",
]


def current_event_sink() -> ModelEventSink | None:
    """What receives the events of model calls now; None if they go straight to the sample's transcript."""
    return _model_event_sink.get()


def log_event(event: ModelEvent) -> None:
    """Add an event to the sample's transcript."""
    transcript()._event(event)  # pyright: ignore[reportPrivateUsage]


def log_event_update(event: ModelEvent) -> None:
    """Write an event again that is in the sample's transcript and has changed."""
    transcript()._event_updated(event)  # pyright: ignore[reportPrivateUsage]
