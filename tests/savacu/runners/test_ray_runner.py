"""Ray against Inspect on the same server: the same data set, and a lost worker loses nothing."""

# ray is not installed by every developer
# pyright: reportMissingImports=false

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from misfire.errors import InputError
from misfire.savacu.build import Build
from misfire.savacu.calls import Settings
from misfire.savacu.near_duplicates.neighbors import near_pairs
from misfire.savacu.prompting.respond import Responded, RespondStep, ToRespond
from misfire.savacu.recipe import ModelSpec, read_recipe
from misfire.savacu.rules import Rules
from misfire.savacu.runners.inspect_runner import InspectRunner
from misfire.savacu.runners.runner import Work
from misfire.savacu.simulated_server import SimulatedServer, serving
from tests.kept import lock
from tests.providers.replies import HttpError, Says
from tests.providers.server import serve

from ..conftest import RecipeText

pytestmark = pytest.mark.slow(seconds=50)

UNDER_WAY = 2 * 8
"""Requests that wait for their answers at a time: two workers that ask, with at most eight batches each,
request by request."""

DRIVER = """
import sys
from pathlib import Path
from misfire.savacu.build import Build
from misfire.savacu.runners.ray_runner import RayRunner
from misfire.savacu.recipe import read_recipe
Build(read_recipe(Path(sys.argv[1])), Path(sys.argv[2]), \
RayRunner(address=sys.argv[3])).run(["ingest", "classify"])
"""

ray: Any = pytest.importorskip("ray")
ray_runner = pytest.importorskip("misfire.savacu.runners.ray_runner")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head node that does no work, and two workers."""
    from ray.cluster_utils import Cluster

    # one cluster at a time, if several processes test
    with lock("cluster"), pytest.MonkeyPatch.context() as patch:
        # workers start in Ray's own folder, and find misfire as this process does
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[3] / "src"), prepend=os.pathsep)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        cluster.add_node(num_cpus=2)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def server(labeled: Path) -> Iterator[SimulatedServer]:
    roles: dict[str, dict[str, Any]] = {
        "classifier": {"labels": str(labeled), "false_alarm": 0.01},
        "generator-a": {"faults": "contrary:0.3"},
        "evaluator": {},
    }
    with serving(roles) as server:
        yield server


def recipe_of(path: Path, text: str, url: str) -> Path:
    text = text.replace("simulated-savacu/", "openai-api/loopback/")
    # what the models do is the server's to know: a recipe gives OpenAI's API no such arguments
    text = re.sub(r", args = \{.*?\}", "", text)
    path.write_text(
        text.replace('model = "openai-api', f'base_url = "{url}", connections = 2, model = "openai-api'),
        encoding="utf-8",
    )
    return path


def published(build: Build) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((build.folder / "dataset" / "data").iterdir())}


def test_the_distributed_search_gives_the_same_result(cluster: Any):
    ray_runner.RayRunner(address=cluster.address)
    values = np.random.default_rng(1).integers(0, 2**64, 3000, dtype=np.uint64)
    values[1500:] = values[:1500] ^ np.uint64(0b1001)
    one, other = near_pairs(values, 10), ray_runner.ray_search(values, 10)
    assert (one.first == other.first).all()
    assert (one.second == other.second).all()
    assert (one.distance == other.distance).all()


def test_the_data_set_is_the_same_and_a_killed_worker_loses_nothing(
    cluster: Any,
    server: SimulatedServer,
    tmp_path: Path,
    recipe_text: RecipeText,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("LOOPBACK_API_KEY", "none")
    recipe = read_recipe(
        recipe_of(tmp_path / "recipe.toml", recipe_text(method="questions", shard_size=100), server.url)
    )
    by_inspect = Build(recipe, tmp_path / "inspect", InspectRunner())
    by_inspect.run()
    asked = set(server.asked)
    server.asked.clear()

    # given a worker that is killed while it asks, and another machine that joins
    lost = cluster.add_node(num_cpus=2)
    runner = ray_runner.RayRunner(address=cluster.address)

    def kill() -> None:
        deadline = time.monotonic() + 600
        while server.asked.total() < 150 and time.monotonic() < deadline:
            time.sleep(0.02)
        cluster.remove_node(lost, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    by_ray = Build(recipe, tmp_path / "ray", runner, search=ray_runner.ray_search)
    by_ray.run()
    killer.join()

    assert published(by_ray) == published(by_inspect)
    assert set(server.asked) == asked
    # and nothing was asked twice but what the lost worker waited for
    assert server.asked.total() - len(asked) <= UNDER_WAY


def test_a_killed_build_repeats_only_calls_in_progress(
    cluster: Any,
    server: SimulatedServer,
    tmp_path: Path,
    recipe_text: RecipeText,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("LOOPBACK_API_KEY", "none")
    path = recipe_of(tmp_path / "recipe.toml", recipe_text(method="questions", shard_size=100), server.url)
    command = [sys.executable, "-c", DRIVER, str(path), str(tmp_path / "ray"), cluster.address]
    for answers in (100, 400):
        driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 600
        while server.asked.total() < answers and driver.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert driver.poll() is None, driver.communicate()[1]
        driver.kill()
        driver.wait()

    build = Build(read_recipe(path), tmp_path / "ray", ray_runner.RayRunner(address=cluster.address))
    build.run(["ingest", "classify"])
    assert len(server.asked) == 6 * 111
    assert server.asked.total() - len(server.asked) <= 2 * UNDER_WAY


def test_received_replies_are_not_requested_again(
    cluster: Any,
    server: SimulatedServer,
    tmp_path: Path,
    recipe_text: RecipeText,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("LOOPBACK_API_KEY", "none")
    recipe = read_recipe(recipe_of(tmp_path / "recipe.toml", recipe_text(method="questions"), server.url))
    role = server.roles.pop("classifier")
    build = Build(recipe, tmp_path / "ray", ray_runner.RayRunner(address=cluster.address))
    with pytest.raises(InputError, match="there is no model 'classifier'"):
        build.run(["ingest", "classify"])

    # when the server is mended, and later everything is run again
    server.roles["classifier"] = role
    server.asked.clear()
    build.run(["ingest", "classify"])
    assert server.asked.total() == 6 * 111
    build.run(["ingest", "classify"])
    assert server.asked.total() == 6 * 111


def test_a_moderated_call_is_a_refusal_and_is_not_sent_again(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LOCAL_API_KEY", "no-key-is-needed")
    blocked = HttpError(400, "data_inspection_failed", "Input data may contain inappropriate content.")
    texts = ["A question that is blocked.", "A question that is answered."]
    with serve(
        lambda request: blocked if texts[0] in request.question else Says("A reply that is long enough.")
    ) as server:
        model = ModelSpec(model="openai-api/local/some-model", base_url=f"{server.url}/v1", connections=2)
        stage = RespondStep(Settings(temperature=None, max_tokens=None), Rules())
        items = [
            ToRespond(
                id=f"p{number}_a",
                prompt_id=f"p{number}",
                text=text,
                domains={"safety": ("safety_animal_abuse",)},
                generator="a",
            )
            for number, text in enumerate(texts)
        ]
        work = Work(stage, model, items, "respond/00000", tmp_path)
        kept: list[list[Responded]] = []
        ray_runner.RayRunner(address=cluster.address).run(work, kept.append, lambda _: None)
        asked = [request.body for request in server.requests]
        # given the same shard by the other runner
        InspectRunner().run(replace(work, folder=tmp_path / "inspect"), kept.append, lambda _: None)
    assert kept[0] == kept[1]
    assert {fault.code for fault in kept[0][0].drafts["aligned"].faults} == {"refusal"}
    assert len(asked) == 4
    assert all(body.keys().isdisjoint({"temperature", "max_tokens", "top_p"}) for body in asked)


def test_a_model_that_ray_cannot_reach_is_reported(cluster: Any, tmp_path: Path, recipe_text: RecipeText):
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_text(), encoding="utf-8")
    build = Build(read_recipe(path), tmp_path / "ray", ray_runner.RayRunner(address=cluster.address))
    with pytest.raises(InputError, match="needs the base_url"):
        build.run(["ingest", "classify"])
