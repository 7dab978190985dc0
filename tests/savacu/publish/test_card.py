"""The card shows texts of the recipe as text."""

from dataclasses import replace

from markdown_it import MarkdownIt

from misfire.savacu.build import Build
from misfire.savacu.publish.card import card
from misfire.savacu.publish.rows import PublishReport
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.store import read_record


def test_texts_of_the_recipe_are_shown_as_text_in_the_card(build: Build):
    hostile = "<script>x</script> [click](javascript:x) | `code`\n# heading\x1b[2J"
    publish = build.recipe.publish.model_copy(update={"licence": hostile, "prompt_licence": hostile})
    judge = build.recipe.judge.model_copy(update={"model": ModelSpec(model="a/<img|src=x>")})
    report = read_record(build.folder / "dataset" / "report.json", PublishReport)
    assert report is not None
    text = card(
        replace(build.view, recipe=build.recipe.model_copy(update={"publish": publish, "judge": judge})),
        report,
    )
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text.split("\n---\n", 1)[1])
    assert "<script" not in rendered
    assert "<img" not in rendered
    assert "<a " not in rendered
    assert rendered.count("<h1>") == 1
    assert "\x1b" not in text
