"""Hostile labels, data and model output are but text, and no secret goes with them.

This holds in the terminal, HTML, Markdown, LaTeX and CSV.
"""

import csv
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from inspect_ai.model import get_model
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, sync_playwright

from misfire.cli.main import main
from misfire.datasets.misalign.instance_files import write_instances
from misfire.datasets.misalign.instances import Instance
from misfire.datasets.misalign.taxonomy import domains
from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import Half, Pair
from tests.providers.replies import HttpError, Reply, Says
from tests.providers.server import Request, serve
from tests.runs import run_task

TELL = "document.title='caught'"

HOSTILE = (
    f'<script>{TELL}</script><img src=x onerror="{TELL}"><svg onload="{TELL}"></svg>\'">'
    f"<iframe srcdoc='<script>parent.{TELL}</script>'>"
    f"[click](javascript:{TELL}) <javascript:{TELL}> ![x](https://tell.invalid/x) [red]marked[/red] [/] "
    "\\input{/etc/passwd} \\write18{id} \\end{tabular} $x$ %comment ```\n=cmd|' /C calc'!A0\n@SUM(1)\n-->\n"
    "\x1b]0;caught\x07\x1b[2J\x1b]8;;https://tell.invalid\x1b\\link"
    "\x9b31m\u202etxet\u2028|cell|\n# heading\r\x08\x7f"
)

LABEL = '=HYPERLINK("x")<b onmouseover=alert>|[/red]\x1b[31m\\input{x}\u202e_Age'
"""A hostile text that a category, a group or a scenario may be called by."""

CANARIES = {
    "LOCAL_API_KEY": "sk-canary-key-6f1d2c",
    "HF_TOKEN": "hf_canary_token_93ab",
    "AWS_SECRET_ACCESS_KEY": "canary-aws-77e0",
    "MISFIRE_CANARY": "canary-environment-5a5a",
}
HEADER = "canary-header-0c0c"


@dataclass(frozen=True)
class Outputs:
    """All that a hostile run and its report wrote."""

    log: EvalLog
    out: Path
    folder: Path
    terminal: dict[str, str]


def misfire(*arguments: str | Path) -> str:
    """What the command prints on both streams, whatever its exit status."""
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outputs]:
    folder = tmp_path_factory.mktemp("hostile")
    pairs = [pair(number) for number in range(8)]
    write_pairs(pairs, folder / "pairs.jsonl")

    write_instances([instance(number) for number in range(6)], folder / "instances.jsonl")

    def reply(request: Request) -> Reply:
        if any("You judge whether" in text for text in request.system):
            misaligned = "case 1" in request.question
            return Says(
                json.dumps(
                    {
                        "reason": HOSTILE,
                        "safety": misaligned,
                        "value": False,
                        "culture": misaligned,
                        "misaligned": misaligned,
                    }
                )
            )
        if "case 7" in request.question:
            return HttpError(400, message=f"{HOSTILE} echo of {request.body}")
        stereotyped = "of the stereotyped half" in request.question
        return Says(f'{HOSTILE}\n{{"answer": "{"no" if stereotyped else "yes"}"}}')

    with pytest.MonkeyPatch.context() as patch, serve(reply) as server:
        for name, value in CANARIES.items():
            patch.setenv(name, value)
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        (log,) = run_task(
            "misfire/veto",
            task_args={"source": "file", "path": str(folder / "pairs.jsonl")},
            model=f"openai-api/local/{HOSTILE[:120]}",
            model_base_url=f"{server.url}/v1",
            extra_headers={"X-Canary": HEADER},
            max_retries=0,
            fail_on_error=False,
            log_model_api=True,
            log_dir=str(folder / "logs"),
        )
        for task, arguments in (
            ("priming", {"source": "file", "path": str(folder / "pairs.jsonl"), "cues": "published,neutral"}),
            ("misalign_bench", {"source": "file", "path": str(folder / "instances.jsonl")}),
            (
                "misalign_bench",
                {
                    "source": "file",
                    "path": str(folder / "instances.jsonl"),
                    "mode": "generate",
                    "grader_sample": 2,
                },
            ),
        ):
            run_task(
                f"misfire/{task}",
                task_args=arguments,
                model=f"openai-api/local/{HOSTILE[:120]}",
                model_base_url=f"{server.url}/v1",
                model_roles={
                    "grader": get_model(f"openai-api/local/{HOSTILE[:90]}", base_url=f"{server.url}/v1")
                },
                max_retries=0,
                fail_on_error=False,
                log_dir=str(folder / "logs"),
            )
        terminal = {
            "report": misfire("report", folder / "logs", "--out", folder / "out", "--fail-if", "mar>0.01"),
            "results": misfire("results", folder / "logs"),
            "audit": misfire(
                "audit", "--source", "file", "--path", folder / "pairs.jsonl", "--out", folder / "audit.csv"
            ),
            "refusal": misfire("audit", "--source", "file", "--path", bad_pairs(folder)),
            "pairs": misfire("pairs", "--source", LABEL, "--out", folder / "never.jsonl"),
        }
        yield Outputs(log, folder / "out", folder, terminal)


def pair(number: int) -> Pair:
    return Pair(
        id=f"age_q{number}_p0",
        category=LABEL,
        subcategory=HOSTILE,
        question_index=f"{LABEL}{number}",
        stereotyped_group=LABEL,
        contrast_group=HOSTILE,
        priming_sentence=HOSTILE,
        stereotyped=Half(prompt=f"{HOSTILE} case {number} of the stereotyped half?"),
        contrast=Half(prompt=f"{HOSTILE} case {number} of the contrast half?"),
    )


def instance(number: int) -> Instance:
    return Instance(
        id=f"case_{number}",
        prompt=f"{HOSTILE} case {number}",
        aligned=f"{HOSTILE} a good reply to case {number}",
        misaligned=f"{HOSTILE} a bad reply to case {number}",
        safety=(domains("safety")[number].id,),
        culture=(domains("culture")[number].id,),
        provenance=HOSTILE,
    )


def bad_pairs(folder: Path) -> Path:
    path = folder / "bad.jsonl"
    path.write_text('{"id": "x", "\\u001b]0;caught\\u0007": 1, "category": "\\u001b[2J"}\n', encoding="utf-8")
    return path


def test_the_run_is_as_planned(outputs: Outputs):
    assert outputs.log.status == "success"
    assert sum(sample.error is not None for sample in outputs.log.samples or []) == 2
    logs = [read_eval_log(file) for file in list_eval_logs(str(outputs.folder / "logs"))]
    assert sorted((log.eval.task, log.status) for log in logs) == [
        *[("misfire/misalign_bench", "success")] * 2,
        ("misfire/priming", "success"),
        ("misfire/veto", "success"),
    ]
    assert "mar" in outputs.terminal["report"]
    page = (outputs.out / "report.html").read_text(encoding="utf-8")
    assert "Mis-Align Bench" in page
    assert "Priming" in page
    assert "bad record" in outputs.terminal["refusal"]
    assert (outputs.folder / "audit.csv").is_file()


def test_a_terminal_receives_no_control_character(outputs: Outputs):
    for name, text in outputs.terminal.items():
        assert all(character.isprintable() or character == "\n" for character in text), (name, text)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    path = next(
        (
            found
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (found := shutil.which(name))
        ),
        None,
    )
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("needs a Chromium: apt install chromium, or playwright install chromium")
        browser: Browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def seen(page: Page, file: Path) -> list[str]:
    """What a page did besides showing itself, after everything on it was unfolded."""
    noted: list[str] = []
    page.on(
        "request",
        lambda request: (
            noted.append(request.url) if not request.url.startswith(("file:///", "data:")) else None
        ),
    )
    page.on("dialog", lambda dialog: noted.append(dialog.message))
    page.goto(file.as_uri())
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    page.wait_for_timeout(200)
    if "caught" in page.title():
        noted.append(page.title())
    noted += page.eval_on_selector_all(
        "a", "all => all.map(a => a.protocol).filter(p => !['http:', 'https:', 'file:'].includes(p))"
    )
    return noted


def test_html_shows_hostile_text_and_runs_nothing(outputs: Outputs, page: Page):
    assert seen(page, outputs.out / "report.html") == []
    assert (
        page.locator(
            "main script, main iframe, main svg, main img:not([src^='data:image/svg+xml;base64,'])"
        ).count()
        == 0
    )
    assert "<script>" in page.locator("main").inner_text()


def test_markdown_shows_hostile_text_and_runs_nothing(outputs: Outputs, page: Page):
    text = (outputs.out / "report.md").read_text(encoding="utf-8")
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    (outputs.out / "rendered.html").write_text(
        f"<!doctype html><meta charset=utf-8><title>x</title>{rendered}", encoding="utf-8"
    )
    assert seen(page, outputs.out / "rendered.html") == []
    assert page.locator("script, iframe, svg, b").count() == 0
    assert "<script>" in page.locator("body").inner_text()
    assert all(
        source.startswith("figures/")
        for source in page.eval_on_selector_all("img", "all => all.map(i => i.getAttribute('src'))")
    )


def test_latex_has_only_its_own_commands(outputs: Outputs):
    own = {
        "begin",
        "end",
        "centering",
        "caption",
        "label",
        "resizebox",
        "ifdim",
        "width",
        "textwidth",
        "else",
        "fi",
        "toprule",
        "midrule",
        "bottomrule",
        "usepackage",
    }
    shown = re.compile(r"text\w+|dag|ldots|times|infty|Delta")
    files = [*(outputs.out / "tables").glob("*.tex")]
    assert len(files) > 5
    assert any("HYPERLINK" in file.read_text(encoding="utf-8") for file in files)
    for file in files:
        text = file.read_text(encoding="utf-8")
        body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("%"))
        commands = set(re.findall(r"(?<!\\)(?:\\\\)*\\([a-zA-Z]+)", body))
        assert {name for name in commands if name not in own and not shown.fullmatch(name)} == set(), (
            file.name
        )
        assert re.findall(r"(?<!\\)%", body.replace("{!}{%\n", "")) == [], file.name
        assert body.count("\\begin{tabular}") == body.count("\\end{tabular}") == 1


def test_csv_contains_no_formula(outputs: Outputs):
    files = [*(outputs.out / "tables").glob("*.csv"), outputs.folder / "audit.csv"]
    assert len(files) > 5
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                for cell in row:
                    assert not re.match(r"[=+@\t\r]|-(?![\d.i])", cell), (file.name, cell)
                    assert cell.isprintable(), (file.name, cell)


def test_no_secret_is_in_any_log_report_or_message(outputs: Outputs):
    written = {"terminal": "\n".join(outputs.terminal.values()).encode()}
    for file in outputs.folder.rglob("*"):
        if file.is_file():
            written[str(file)] = file.read_bytes()
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    written |= {f"{file}!{name}": archive.read(name) for name in archive.namelist()}
    assert any(name.endswith(".json") and ".eval!" in name for name in written)
    assert [
        (name, secret)
        for name, content in written.items()
        for secret in CANARIES.values()
        if secret.encode() in content
    ] == []
    # a header that a user gives as an option is in Inspect's log, which records all options;
    # it goes no further
    beyond = {
        name: content
        for name, content in written.items()
        if not name.startswith((str(outputs.folder / "logs"), str(outputs.folder / "data")))
    }
    assert any(HEADER.encode() in content for name, content in written.items() if name not in beyond)
    assert len(beyond) > 20
    assert [name for name, content in beyond.items() if HEADER.encode() in content] == []
