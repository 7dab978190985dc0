"""What the code itself does not do: run what it reads, trust a model's code, or fetch what is not pinned."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from misfire.datasets import bbq
from misfire.datasets.misalign.sources import load_instances
from misfire.errors import InputError
from tests.conftest import ROOT

SHIPPED = ("src", "tasks", "scorers", "datasets", "models", "reports", "mechanistic")
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "yaml.load",
    "torch.load",
}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    seen: set[Path] = set()
    for folder in SHIPPED:
        for file in (ROOT / folder).rglob("*.py"):
            if (real := file.resolve()) not in seen:
                seen.add(real)
                yield file, ast.parse(file.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_no_code_unpickles_or_runs_text():
    found: list[str] = []
    files = 0
    for file, tree in trees():
        files += 1
        for node in ast.walk(tree):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            found += [
                f"{file}: import {name}" for name in names if name.partition(".")[0] in FORBIDDEN_MODULES
            ]
        found += [
            f"{file}:{call.lineno}: {ast.unparse(call.func)}"
            for call in calls(tree)
            if ast.unparse(call.func) in FORBIDDEN_CALLS
        ]
        found += [
            f"{file}:{call.lineno}: shell"
            for call in calls(tree)
            if any(word.arg == "shell" for word in call.keywords)
        ]
    assert files > 60
    assert found == []


def test_no_code_of_a_model_is_trusted_and_every_download_names_its_revision():
    downloads = 0
    for file, tree in trees():
        for call in calls(tree):
            words = {word.arg: word.value for word in call.keywords}
            trusted = words.get("trust_remote_code")
            assert trusted is None or (isinstance(trusted, ast.Constant) and trusted.value is False), (
                f"{file}:{call.lineno}"
            )
            if ast.unparse(call.func).rpartition(".")[2] in {
                "hf_hub_download",
                "snapshot_download",
                "load_dataset",
                "from_pretrained",
            }:
                downloads += 1
                assert "revision" in words, (
                    f"{file}:{call.lineno}: {ast.unparse(call.func)} without a revision"
                )
    assert downloads >= 4


def test_downloads_are_verified_or_pinned_to_a_full_commit(tmp_path: Path):
    (tmp_path / "Age.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="official"):
        bbq.read_bbq(["Age"], bbq_dir=tmp_path)
    for revision in ("main", "v1", None):
        with pytest.raises(InputError, match="revision"):
            load_instances("hub", dataset="owner/name", revision=revision)
