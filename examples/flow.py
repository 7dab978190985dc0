"""The same comparison as an inspect_flow spec (pip install inspect-flow uv): tasks and models as a matrix.

    flow run examples/flow.py --log-dir logs/flow

The same command again runs only what is missing. Put your models in the place of the simulated ones, which
need no key and no network: ``FlowModel(name="openai/gpt-4o-mini")``.
"""

from inspect_ai.model import GenerateConfig
from inspect_flow import FlowDefaults, FlowModel, FlowSpec, FlowTask, tasks_matrix

MODELS = [
    FlowModel(name="simulated/careful", model_args={"mar": 0.05, "br": 0.05}),
    FlowModel(name="simulated/hasty", model_args={"mar": 0.20, "br": 0.08, "invalid": 0.02}),
]

TASKS = [
    FlowTask(name="misfire/veto", args={"source": "embedded"}),
    FlowTask(name="misfire/veto", args={"source": "embedded", "protocol": "cot"}),
    FlowTask(name="misfire/priming", args={"source": "embedded", "cues": "published,neutral"}),
]

FlowSpec(
    log_dir="logs/flow",
    store=None,  # logs alone, no index of them in the home folder
    defaults=FlowDefaults(config=GenerateConfig(max_retries=5)),
    tasks=tasks_matrix(task=TASKS, model=MODELS),
)
