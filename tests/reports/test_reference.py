"""The pages of the documentation that are made from the code."""

import json

import jsonschema
import pytest

from docs.reference import DOCS, pages
from misfire.reports import Results, summary_schema
from misfire.reports.formats import summary


def test_the_page_of_the_frames_is_that_of_the_code():
    assert (DOCS / "frames.md").read_text(encoding="utf-8") == pages()["frames.md"], (
        "run python -m docs.reference"
    )


def test_the_generated_schema_is_the_one_that_users_get():
    assert json.loads(pages()["summary.schema.json"]) == summary_schema()


@pytest.mark.parametrize("published", [True, False])
def test_a_summary_is_valid_by_the_schema(results: Results, published: bool):
    schema = summary_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    found = json.loads(summary.render(results, ("a caveat",), published=published))
    validator.validate(found)
    assert ("published" in found) == published


def test_the_schema_rejects_an_invalid_summary(results: Results):
    found = json.loads(summary.render(results, ()))
    found["summary"][0]["mar"] = "high"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, summary_schema())
