"""Metadata of samples is read and written through its notes alone: no other module spells their keys."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from misfire.scorers.half_notes import HalfNote
from misfire.scorers.misalign_records import SampleNote
from tests.conftest import ROOT

NOTES = {"half_notes.py", "misalign_records.py"}
"""The modules of the notes."""

KEYS = {*HalfNote.model_fields, *SampleNote.model_fields}

FOLDERS = ("src/misfire", "tasks", "scorers", "datasets", "examples")


def sources() -> list[Path]:
    return sorted(
        {
            path.resolve()
            for folder in FOLDERS
            for path in (ROOT / folder).rglob("*.py")
            if path.name not in NOTES
        }
    )


def spelled(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines that read or write a key of a note in metadata of a sample, with the key."""
    for scope in (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module | ast.Lambda)
    ):
        names = {"metadata", "sample_metadata"} | set(assigned(scope, of_log=False))
        names -= set(assigned(scope, of_log=True))
        for node in ast.walk(scope):
            for value, key in accesses(node):
                if key in KEYS and is_metadata(value, names):
                    yield getattr(node, "lineno", 0), key


def assigned(scope: ast.AST, *, of_log: bool) -> Iterator[str]:
    """Names in a scope that stand for metadata of a sample, or of a whole log."""
    for node in ast.walk(scope):
        pairs: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(node, ast.Assign):
            for target in node.targets:
                both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                pairs += zip(target.elts, node.value.elts, strict=False) if both else [(target, node.value)]  # pyright: ignore
        elif isinstance(node, ast.NamedExpr | ast.AnnAssign) and node.value is not None:
            pairs = [(node.target, node.value)]
        for target, value in pairs:
            if isinstance(target, ast.Name) and is_metadata(value, set()) and of_a_log(value) == of_log:
                yield target.id


def accesses(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """What a node looks up by a constant key, and the key."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(key))):
            yield value, key
        case ast.Call(
            func=ast.Attribute(value=value, attr="get" | "pop" | "setdefault"),
            args=[ast.Constant(value=str(key)), *_],
        ):
            yield value, key
        case ast.Compare(
            left=ast.Constant(value=str(key)), ops=[ast.In() | ast.NotIn()], comparators=[value]
        ):
            yield value, key
        case ast.Call(func=ast.Name(id="Sample"), keywords=keywords):
            given = [
                inner
                for keyword in keywords
                if keyword.arg == "metadata"
                for inner in ast.walk(keyword.value)
            ]
            keys = [key for inner in given if isinstance(inner, ast.Dict) for key in inner.keys]
            yield from (
                (ast.Name("metadata"), str(key.value)) for key in keys if isinstance(key, ast.Constant)
            )
        case _:
            return


def is_metadata(value: ast.expr, names: set[str]) -> bool:
    """Whether an expression is metadata: an attribute of that name, or one of some names."""
    for node in ast.walk(value):
        if isinstance(node, ast.Attribute) and node.attr in ("metadata", "sample_metadata"):
            return names == set() or not of_a_log(value)
        if isinstance(node, ast.Name) and node.id in names:
            return True
    return False


def of_a_log(value: ast.expr) -> bool:
    """Whether metadata is that of a log's header (``log.eval.metadata``) and not that of a sample."""
    return any(isinstance(node, ast.Attribute) and node.attr == "eval" for node in ast.walk(value))


def test_no_key_of_a_note_is_spelled_outside_the_notes():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {key}"
        for path in sources()
        for line, key in spelled(ast.parse(path.read_text()))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'sample.metadata["pair_id"]',
        'sample.metadata.get("arms")',
        '(score.sample_metadata or {}).get("half")',
        '"arms" in sample.metadata',
        'metadata["scenario"]',
        'about = sample.metadata\n    about.get("probe")',
        'metadata, arms = sample.metadata, 1\n    metadata.get("cue")',
        'Sample(input="", metadata={"half": "contrast"})',
    ],
)
def test_a_key_that_is_spelled_is_found(line: str):
    assert list(spelled(ast.parse(f"def read(sample, score, metadata):\n    {line}")))


@pytest.mark.parametrize(
    "line",
    [
        'metadata = log.eval.metadata or {}\n    metadata.get("arms")',
        'row["category"]',
        'score.metadata["parser"]',
        'sample.metadata["other"]',
    ],
)
def test_other_keys_and_metadata_of_logs_are_free(line: str):
    assert not list(spelled(ast.parse(f"def read(sample, score, log):\n    {line}")))
