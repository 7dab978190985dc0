"""Columns: found by likely names, named by the user, and never guessed between two."""

import pytest

from misfire.datasets.misalign.columns import FIELDS, LIKELY_NAMES, ColumnError, match_columns, parse_columns
from misfire.errors import InputError


def test_misfires_own_names_are_found_unchanged():
    assert match_columns(FIELDS, {}) == {field: field for field in FIELDS}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["prompt", "aligned", "misaligned"], ["prompt", "aligned", "misaligned"]),
        (
            ["Question", "Aligned Response", "Misaligned-Response"],
            ["Question", "Aligned Response", "Misaligned-Response"],
        ),
        (
            ["instruction", "response_aligned", "response_misaligned"],
            ["instruction", "response_aligned", "response_misaligned"],
        ),
        (["rejected", "chosen", "query"], ["query", "chosen", "rejected"]),
    ],
)
def test_likely_names_are_found(names: list[str], found: list[str]):
    assert list(match_columns(names, {}).values()) == found


def test_the_columns_of_the_authors_file_are_found_and_others_are_left_alone():
    names = [
        "row_index", "prompt", "before_gen_safety", "safety_name", "before_gen_value", "values_name",
        "before_gen_cultural", "cultural_name", "aligned_response", "misaligned_response",
    ]  # fmt: skip
    assert match_columns(names, {}) == {
        "id": "row_index",
        "prompt": "prompt",
        "aligned": "aligned_response",
        "misaligned": "misaligned_response",
        "safety": "safety_name",
        "value": "values_name",
        "culture": "cultural_name",
    }


def test_no_name_matches_two_fields():
    names = [name.replace("_", "") for field in FIELDS for name in (field, *LIKELY_NAMES[field])]
    assert sorted(names) == sorted(set(names))
    assert set(LIKELY_NAMES) == set(FIELDS)


def test_a_column_that_the_user_named_takes_precedence():
    found = match_columns(
        ["prompt", "question", "good", "misaligned", "aligned"], {"prompt": "question", "aligned": "good"}
    )
    assert found == {"prompt": "question", "aligned": "good", "misaligned": "misaligned"}


def test_a_column_that_the_user_gave_to_one_field_is_not_found_for_another():
    found = match_columns(["prompt", "aligned", "misaligned", "index"], {"provenance": "index"})
    assert "id" not in found


@pytest.mark.parametrize(
    ("names", "chosen", "said", "field"),
    [
        (
            ["prompt", "aligned"],
            {},
            r"no column for 'misaligned'\. Available: 'prompt', 'aligned'",
            "misaligned",
        ),
        (["a;b;c"], {}, r"no column for 'prompt', 'aligned', 'misaligned'\. Available: 'a;b;c'", "prompt"),
        (
            ["question", "query", "aligned", "misaligned"],
            {},
            r"'prompt' matches several columns: 'question', 'query'",
            "prompt",
        ),
        (["prompt", "aligned", "aligned", "misaligned"], {}, "'aligned' occurs twice", ""),
        (["prompt", "aligned", "misaligned"], {"id": "nr"}, "columns=id=nr: there is no such column", "id"),
    ],
)
def test_columns_that_do_not_identify_the_fields_are_refused(
    names: list[str], chosen: dict[str, str], said: str, field: str
):
    with pytest.raises(ColumnError, match=said) as caught:
        match_columns(names, chosen)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "columns",
    [
        "prompt=question,aligned=good one",
        ["prompt=question", "aligned=good one"],
        {"prompt": "question", "aligned": "good one"},
    ],
)
def test_columns_are_read_in_every_form(columns: object):
    assert parse_columns(columns) == {"prompt": "question", "aligned": "good one"}  # pyright: ignore[reportArgumentType]


def test_a_columns_name_may_hold_an_equals_sign():
    assert parse_columns("prompt=a=b") == {"prompt": "a=b"}


def test_none_means_no_columns():
    assert parse_columns(None) == {}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("prompt", "'prompt' must have the form FIELD=COLUMN"),
        ("prompt=", "must have the form FIELD=COLUMN"),
        ("=question", "must have the form FIELD=COLUMN"),
        ("", "must have the form FIELD=COLUMN"),
        ("prmpt=question", "'prmpt' is not a field of an instance. Available: id, prompt"),
        ("prompt=a,prompt=b", "a field occurs twice"),
    ],
)
def test_empty_column_mappings_are_refused(columns: str, said: str):
    with pytest.raises(InputError) as caught:
        parse_columns(columns)
    assert said in str(caught.value)
