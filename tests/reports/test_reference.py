"""The pages of the documentation that are made from the code."""

import json

import jsonschema
import pytest

from docs.reference import DOCS, pages
from misfire.reports import Results
from misfire.reports.formats import summary


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_pages_in_docs_are_those_of_the_code(name: str):
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run python -m docs.reference"


@pytest.mark.parametrize("published", [True, False])
def test_a_summary_is_valid_by_the_schema_in_docs(results: Results, published: bool):
    schema = json.loads((DOCS / "summary.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    found = json.loads(summary.render(results, ("a caveat",), published=published))
    validator.validate(found)
    assert ("published" in found) == published


def test_the_schema_refuses_what_is_no_summary(results: Results):
    found = json.loads(summary.render(results, ()))
    found["summary"][0]["mar"] = "high"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, summary.schema())
