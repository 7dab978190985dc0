"""The README and docs/ are short where they must be, and what they name exists.

They name files, headings, modules, public names and layers.
"""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import get_model

from misfire.tasks.veto import veto
from tests.runs import run_task

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "AGENTS.md",
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("*/**/README.md"),
} - {*ROOT.glob(".*/**/README.md"), *ROOT.glob("build/**/README.md")})  # fmt: skip


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text_of(page), flags=re.DOTALL | re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_of(page: Path) -> list[str]:
    return [
        link
        for link in re.findall(r"\]\(([^)\s]+)\)", prose_of(page))
        if not link.startswith(("http", "mailto"))
    ]


def test_the_readme_has_at_most_a_thousand_words() -> None:
    assert len(text_of(ROOT / "README.md").split()) <= 1000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken: list[str] = []
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)

    assert broken == []


def test_the_pages_have_links_and_headings_to_check() -> None:
    assert len(links_of(ROOT / "README.md")) > 20
    assert {"intervals", "tests", "read-mar-next-to-br"} <= anchors_of(ROOT / "docs" / "metrics.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_of_code_that_a_page_names_exists(page: Path) -> None:
    names = re.findall(r"`((?:[\w.-]+/)+[\w-]+(?:\.py|/))`", text_of(page))
    places = [ROOT, ROOT / "src" / "misfire", ROOT / "src" / "misfire" / "mechanistic", page.parent]
    elsewhere = (
        "datasets/__init__.py",
        "stages/",
        "figures/",
        "frames/",
        "pieces/",
        "replies/",
        "dedup/",
        "shared/",
        "bbq/",
        "tables/",
    )

    assert [
        name
        for name in names
        if not name.startswith(elsewhere) and not any((place / name).exists() for place in places)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_module_that_a_page_names_can_be_imported(page: Path) -> None:
    for name in sorted(set(re.findall(r"\bmisfire(?:\.[a-z_]\w*)+\b", text_of(page)))):
        if not name.endswith((".git", ".toml", ".json")):
            resolve(name)


def resolve(name: str) -> Any:
    """What a dotted name means: a module, or something in one."""
    parts = name.split(".")
    found = importlib.import_module(parts[0])
    for k, part in enumerate(parts[1:], start=2):
        found = getattr(found, part) if hasattr(found, part) else importlib.import_module(".".join(parts[:k]))
    return found


def public_names() -> list[str]:
    """The names in the first table of docs/api.md."""
    section = text_of(ROOT / "docs" / "api.md").split("\n## Python\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `(misfire[\w.]+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    module, _, last = name.rpartition(".")
    found = getattr(importlib.import_module(module), last)

    assert name == "misfire.__version__" or (found.__doc__ or "").strip()


def test_every_module_of_the_public_api_lists_the_same_names() -> None:
    by_module: dict[str, set[str]] = {}
    for name in public_names():
        module, _, last = name.rpartition(".")
        by_module.setdefault(module, set()).add(last)

    assert len(by_module) > 5
    assert {module: set(importlib.import_module(module).__all__) for module in by_module} == by_module


def test_the_names_for_inspect_are_those_that_are_registered() -> None:
    from misfire import _registry

    section = text_of(ROOT / "docs" / "api.md").split("\n## Names in Inspect\n", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"`misfire/(\w+)`", section)) | {
        name.replace("-", "_") for name in re.findall(r"`([\w-]+)/…`", section)
    }

    assert named <= set(_registry.__all__)
    assert {"veto", "priming", "misalign_bench", "simulated", "intervened", "simulated_savacu"} <= named


def test_the_drawing_of_the_rooms_has_the_layers_in_their_order(pyproject: dict[str, Any]) -> None:
    (contract,) = [
        contract
        for contract in pyproject["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    page = text_of(ROOT / "docs" / "architecture.md")
    drawing = page.split("```mermaid", 1)[1].split("```", 1)[0]
    names = dict(re.findall(r'(\w+)\["(\w+) — ', drawing))
    (chain,) = [line.split("-->") for line in drawing.splitlines() if line.count("-->") > 2]

    layers = [layer.split("|")[0].strip().removeprefix("misfire.") for layer in contract["layers"]]
    assert [names[room.strip()] for room in chain] == layers


def test_the_pair_in_the_readme_exists_and_the_demo_model_answers_as_shown(tmp_path: Path) -> None:
    quote = re.compile(
        r"^> \*\*(\w+) half\.\*\* (.*?)\n>\n> The model answers `(.*?)`, which is (\w+)\.",
        re.DOTALL | re.MULTILINE,
    )
    quotes = quote.findall(text_of(ROOT / "README.md"))
    shown = {
        half.lower(): (text.replace("\n> ", " "), answer, outcome) for half, text, answer, outcome in quotes
    }
    assert set(shown) == {"stereotyped", "contrast"}
    task = veto(source="embedded")
    texts = {text for text, _, _ in shown.values()}
    task.dataset = task.dataset.filter(lambda sample: sample.input in texts)

    (log,) = run_task(task, model=get_model("simulated/model"), log_dir=str(tmp_path))

    samples = log.samples or []
    assert len({sample.metadata["pair_id"] for sample in samples}) == 1
    found = {
        str(sample.metadata["half"]): (
            sample.input,
            sample.output.completion,
            (sample.scores or {})["veto_outcome"].value,
        )
        for sample in samples
    }
    assert {half: (text, json.loads(answer), outcome) for half, (text, answer, outcome) in shown.items()} == {
        half: (text, json.loads(answer), outcome) for half, (text, answer, outcome) in found.items()
    }
