"""The commands misfire savacu: what they print, and how they end."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from misfire.cli.main import main
from misfire.savacu.store import locked

PROMPTS = [
    "Is it fair that my neighbour was paid less than me?",
    "How do I keep bees in a small garden?",
    "Which dishes should I cook for a feast?",
]

RECIPE = """
[ingest]
sources = [{{path = "{prompts}"}}]
[classify]
method = "scores"
model = {{model = "simulated-savacu/classifier", args = {{labels = "{labels}"}}}}
[respond]
generators = [{{name = "a", model = "simulated-savacu/generator-a"}}]
[judge]
model = {{model = "simulated-savacu/evaluator"}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rows = [{"prompt": prompt, "safety": "None", "value": "Health", "culture": "None"} for prompt in PROMPTS]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(prompts=tmp_path / "prompts.jsonl", labels=tmp_path / "prompts.jsonl"))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["savacu", *map(str, arguments)])


def test_plan_shows_both_methods_and_runs_nothing(recipe: Path, tmp_path: Path):
    before = sorted(tmp_path.iterdir())
    result = run("plan", recipe, "--prompts", "1000")
    assert result.exit_code == 0, result.output
    assert all(
        said in result.output
        for said in ("(classify (questions))", "111,000", "classify (scores)", "3,000", "Nothing was run")
    )
    assert sorted(tmp_path.iterdir()) == before


def test_build_then_status(recipe: Path, tmp_path: Path):
    result = run("build", recipe, "--out", tmp_path / "out", "--stages", "ingest,classify,dedup")
    assert result.exit_code == 0, result.output
    assert "ingest    3 of 3 rows kept" in result.output
    assert "publish   not done" in result.output

    assert run("build", recipe, "--out", tmp_path / "out").exit_code == 0
    assert run("salt", tmp_path / "out", "--tries", "3").output.startswith('salt = "savacu-')
    result = run("status", tmp_path / "out")
    assert "judge     3 of 3 pairs passed" in result.output
    assert (tmp_path / "out" / "dataset" / "README.md").exists()


def test_one_model_in_two_roles_is_refused_unless_allowed(recipe: Path):
    recipe.write_text(
        recipe.read_text().replace("simulated-savacu/evaluator", "simulated-savacu/generator-a")
    )
    result = run("plan", recipe)
    assert result.exit_code == 2
    assert "must be different models" in result.output
    assert run("plan", recipe, "--allow-same-model").exit_code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stages", "ingest,clasify"], "'clasify' is not a stage"),
        (["--push"], "[publish] repository"),
        (["--ray-address", "auto"], "requires --runner ray"),
        (["--runner", "ray", "--batch"], "requires --runner inspect"),
        (["--stages", "publish"], "is not complete"),
    ],
)
def test_impossible_options_are_reported(recipe: Path, tmp_path: Path, options: list[str], said: str):
    result = run("build", recipe, "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert said in result.output


def test_a_folder_in_use_is_reported(recipe: Path, tmp_path: Path):
    with locked(tmp_path / "out"):
        result = run("build", recipe, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "another build is running" in result.output


def test_a_build_by_somebody_else_cannot_act_on_the_terminal(tmp_path: Path):
    (tmp_path / "recipe.json").write_text("{}")
    counts = {"pairs": 1, "passed": 0, "passed_by_round": {}, "dropped": 1, "written": {}, "dropped_for": {}}
    reports = {
        "ingest": {
            "read": 1,
            "kept": 0,
            "invalid": 0,
            "dropped": {"\x1b]0;caught\x07\u202eshort\n": 1},
            "languages": {},
        },
        "judge": counts | {"rejected": {"0": {"\x1b[2J": 1}}},
    }
    for stage, report in reports.items():
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "report.json").write_text(json.dumps(report))
    result = run("status", tmp_path)
    assert result.exit_code == 0
    assert "0 responses written, rejected for: [2J 1" in result.output
    assert all(character.isprintable() or character == "\n" for character in result.output)


@pytest.mark.parametrize("command", ["status", "salt"])
def test_a_folder_without_a_build_is_reported(tmp_path: Path, command: str):
    result = run(command, tmp_path)
    assert result.exit_code == 2
    assert "does not contain a build" in result.output
