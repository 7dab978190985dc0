"""The HTML page in a real browser.

It sorts, unfolds, asks no network, and runs nothing but its own script.
"""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from misfire.reports import Results
from misfire.reports.document import Document, document
from misfire.reports.formats import html
from misfire.reports.logs.viewer_links import Viewer, viewer_of
from misfire.reports.pairs.failures import Failure, HalfAnswer

pytestmark = pytest.mark.slow(seconds=20)

_CAUGHT = "document.title='caught'"
HOSTILE = f'<script>{_CAUGHT}</script><img src=x onerror="{_CAUGHT}"><svg onload="{_CAUGHT}">"\'><b>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
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
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report(results: Results) -> Document:
    return document(results, published=True, examples=3)


@pytest.fixture(scope="module")
def viewer(results: Results) -> Viewer:
    return viewer_of(run.log for run in results.run_set.runs)


def opened(browser: Browser, text: str, folder: Path) -> tuple[Page, list[str]]:
    """The page, opened from a file, and what it complained of or asked for."""
    file = folder / "report.html"
    file.write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    noted: list[str] = []
    page.on("console", lambda message: noted.append(message.text))
    page.on("pageerror", lambda error: noted.append(str(error)))
    page.on(
        "request",
        lambda request: (
            noted.append(request.url) if not request.url.startswith(("file://", "data:")) else None
        ),
    )
    page.on("dialog", lambda dialog: noted.append(dialog.message))
    page.goto(file.as_uri())
    return page, noted


def column(page: Page, table: str, index: int) -> list[str]:
    return page.eval_on_selector_all(
        f"#{table} tbody tr td:nth-child({index + 1})", "cells => cells.map(cell => cell.dataset.value)"
    )


def test_a_click_on_a_heading_sorts_the_table(
    browser: Browser, report: Document, viewer: Viewer, tmp_path: Path
):
    page, noted = opened(browser, html.render(report, viewer), tmp_path)
    (table,) = (table for table in report.tables if table.name == "veto_main")
    names = [shown.name for shown in table.columns]
    br, p = names.index("br"), names.index("mcnemar_p")
    heading = page.locator("#veto_main th").nth(br)
    # when clicked once, then the largest stand first; again, the smallest
    heading.locator("button").click()
    numbers = [float(value) for value in column(page, "veto_main", br)]
    assert numbers == sorted(table.frame["br"], reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    heading.locator("button").click()
    assert [float(value) for value in column(page, "veto_main", br)] == sorted(table.frame["br"])
    # what is undefined (published rows have no test) stays last either way
    for _ in range(2):
        page.locator("#veto_main th").nth(p).locator("button").click()
        values = column(page, "veto_main", p)
        assert "" in values
        assert all(value == "" for value in values[values.index("") :])
    # and rows stay whole: the name still stands beside its numbers
    frame = table.frame.set_index("run")
    for name, value in zip(
        column(page, "veto_main", names.index("run")), column(page, "veto_main", br), strict=True
    ):
        assert float(value) == frame.loc[name, "br"]
    # a column of text goes by the alphabet
    page.locator("#veto_main th").first.locator("button").click()
    assert column(page, "veto_main", 0) == sorted(column(page, "veto_main", 0), key=str.lower)
    assert noted == []


def test_an_example_is_collapsed_under_the_warning_until_it_is_opened(
    browser: Browser, report: Document, viewer: Viewer, tmp_path: Path
):
    page, noted = opened(browser, html.render(report, viewer), tmp_path)
    (failures,) = (section.failures for section in report.sections if section.failures)
    prompt = page.locator("details.failure blockquote").first
    assert not prompt.is_visible()
    page.locator("details.warning > summary").click()
    assert not prompt.is_visible()
    page.locator("details.failure > summary").first.click()
    assert prompt.is_visible()
    assert prompt.inner_text() == failures[0].prompts[0][1]
    link = page.locator("details.failure dt a").first.get_attribute("href")
    reply = next(reply for reply in failures[0].replies if reply.half == "stereotyped")
    assert link == viewer.link(reply.log, reply.sample_id, reply.epoch)
    assert noted == []


def test_every_figure_is_shown_without_a_network(
    browser: Browser, report: Document, viewer: Viewer, tmp_path: Path
):
    page, noted = opened(browser, html.render(report, viewer), tmp_path)
    widths = page.eval_on_selector_all("figure img", "images => images.map(image => image.naturalWidth)")
    assert len(widths) == len(report.drawings) > 0
    assert min(widths) > 100
    assert noted == []


def test_hostile_texts_are_shown_and_not_run(browser: Browser, report: Document, tmp_path: Path):
    # given a title, a caveat, a model, prompts, answers and a link that all try
    replies = tuple(
        HalfAnswer(HOSTILE, half, "wrong", HOSTILE, "s3://bucket/logs/x", HOSTILE, 1)
        for half in ("stereotyped", "contrast")
    )
    failure = Failure(HOSTILE, HOSTILE, 1, 1, (("stereotyped", HOSTILE), ("contrast", HOSTILE)), replies)
    sections = tuple(
        dataclasses.replace(
            section,
            title=HOSTILE,
            text=(HOSTILE,),
            failures=(failure,) if section.failures else (),
            tables=tuple(
                dataclasses.replace(t, title=HOSTILE, note=HOSTILE, frame=_hostile(t.frame))
                for t in section.tables
            ),
            drawings=tuple(
                dataclasses.replace(d, title=HOSTILE, caption=HOSTILE, alt=HOSTILE) for d in section.drawings
            ),
        )
        for section in report.sections
    )
    hostile = Document(HOSTILE, (HOSTILE,), sections)
    page, noted = opened(
        browser,
        html.render(hostile, Viewer("javascript:document.title='caught'//", "s3://bucket/logs")),
        tmp_path,
    )
    page.locator("details.warning > summary").click()
    page.locator("details.failure > summary").first.click()
    page.locator("details.failure dt a").first.click()
    page.wait_for_timeout(300)
    # then nothing ran: the title is the text, and it stands on the page as text
    assert page.title() == HOSTILE
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.locator("main script, main svg, main b:not(figcaption b)").count() == 0
    assert all("Content Security Policy" in line for line in noted)


def _hostile(frame):
    return frame.assign(**{name: HOSTILE for name in frame.columns if frame[name].dtype == "string"}).astype(
        frame.dtypes
    )
