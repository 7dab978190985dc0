"""Reading JSON that models write: all that is in it, nothing that is not, and in linear time."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from misfire.scorers.loose_json import LooseObject, Value, find_objects, has_loose_parts, read_whole

texts = st.text(st.characters(codec="utf-8", exclude_characters="\ufffc"), max_size=20)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def at_top(value: Any) -> Value:
    return value if isinstance(value, str | bool) else None


def only(text: str) -> LooseObject:
    (found,) = find_objects(text)
    return found


@given(
    st.dictionaries(texts, json_values, min_size=1, max_size=4),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    texts,
)
@example({"": "{"}, None, False, "")
@example({"reason": '{"a": "b"}', "a": True}, None, True, "}")
@example({"\\": "\\\\", "'": "`", '"': '"'}, None, True, "x")
def test_json_is_read_like_the_standard_library(
    record: dict[str, Any], indent: int | None, ascii_only: bool, before: str
):
    text = json.dumps(record, indent=indent, ensure_ascii=ascii_only)

    found = read_whole(text)

    assert found is not None
    assert found.pairs == tuple((key, at_top(value)) for key, value in record.items())
    # and it is found behind text that opens no object
    before = before.replace("{", "(").replace("/", "|") + "\n"
    again = only(before + text)
    assert (again.start, again.end, again.pairs) == (len(before), len(before + text), found.pairs)


words = (
    st.text("abcdefgh xyz", min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
    .filter(lambda word: word not in {"yes", "no"})
)
QUOTES = ['""', "''", "“”", "‘’", "„“", "«»", "``"]


@given(
    st.dictionaries(
        st.sampled_from(["answer", "reason", "safety", "note"]), st.booleans() | words, min_size=1
    ),
    st.sampled_from(QUOTES),
    st.sampled_from([", ", ",", ",\n  ", " , "]),
    st.sampled_from(["", ",", " ,\n"]),
    st.sampled_from([": ", ":", " : ", "： "]),
    st.sampled_from([("true", "false"), ("True", "False"), ("TRUE", "FALSE")]),
)
def test_quotes_commas_and_python_s_words_do_not_matter(
    record: dict[str, bool | str], quotes: str, comma: str, trailing: str, colon: str, names: tuple[str, str]
):
    first, last = quotes
    members = [
        f"{first}{key}{last}{colon}"
        f"{(names[0] if value else names[1]) if isinstance(value, bool) else f'{first}{value}{last}'}"
        for key, value in record.items()
    ]
    text = f"{{{comma.join(members)}{trailing}}}"
    assert only(text).pairs == tuple(record.items())
    assert only(text).state == "closed"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("{answer: yes}", [("answer", "yes")]),
        ('{"answer": **yes**}', [("answer", "yes")]),
        ('{\\"answer\\": \\"yes\\"}', [("answer", "yes")]),
        ('{\\n  \\"answer\\": \\"yes\\"\\n}', [("answer", "yes")]),
        ('{""answer"": ""yes""}', [("answer", "yes")]),
        ('{"answer" = "yes"}', [("answer", "yes")]),
        ('{"answer" => "yes"}', [("answer", "yes")]),
        ('{"answer": "yes";}', [("answer", "yes")]),
        ('{"answer": "yes"\\}', [("answer", "yes")]),
        ('｛"answer"：　"yes"｝', [("answer", "yes")]),
        ('{"reason": "two\nlines", "a": true}', [("reason", "two\nlines"), ("a", True)]),
        ('{"reason": "it costs \\$5", "a": true}', [("reason", "it costs $5"), ("a", True)]),
        ('{"reason": "\\ud83d\\ude42"}', [("reason", "🙂")]),
        ('{"a": true "b": false}', [("a", True), ("b", False)]),
        ('{"a": true, // so\n "b": false /* or so */}', [("a", True), ("b", False)]),
        ('{// first\n"a": true}', [("a", True)]),
        ('{"reason": "a "joke", he says", "a": true}', [("reason", 'a "joke", he says'), ("a", True)]),
        ("{'reason': 'It's the boys' own', 'a': True}", [("reason", "It's the boys' own"), ("a", True)]),
        (
            '{"reason": "it says {"a": false} here", "a": true}',
            [("reason", 'it says {"a": false} here'), ("a", True)],
        ),
        (
            '{"reason": "it says "{"a": false}" here", "a": true}',
            [("reason", 'it says "{"a": false}" here'), ("a", True)],
        ),
        ('{"a": {"a": false, "b": [{"a": 1}, "}"]}, "b": true}', [("a", None), ("b", True)]),
        ('{"a": true, "a": false}', [("a", True), ("a", False)]),
        (
            '{"a": null, "b": None, "c": 1.5e-3, "d": -1, "e": NaN}',
            [("a", None), ("b", None), ("c", None), ("d", None), ("e", None)],
        ),
    ],
)
def test_json_as_models_write_it_is_read(text: str, pairs: list[tuple[str, Value]]):
    assert list(only(text).pairs) == pairs
    assert only(text).state == "closed"


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": true false}',
        '{"answer": yes or no}',
        '{"answer" "yes"}',
        '{"answer": "yes", "no"}',
        '{"answer": }',
        '{"a": [1, 2}',
        '{"a": true]',
    ],
)
def test_an_unreadable_object_is_broken_and_has_no_values(text: str):
    # (json-repair reads true, "yes or no" and yes out of the first three)
    assert (only(text).state, only(text).pairs) in [("broken", ()), ("closed", (("answer", 'yes", "no'),))]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('{"answer": "yes"', [("answer", "yes")]),
        ('{"answer": "yes",', [("answer", "yes")]),
        ('{"answer": "yes", "reason": "it', [("answer", "yes"), ("reason", None)]),
        ('{"answer": "ye', [("answer", None)]),
        ('{"answer": ye', [("answer", None)]),
        ('{"answer": true', [("answer", True)]),
        ('{"answer":', [("answer", None)]),
        ('{"answer": "yes"\n```\nDone.', [("answer", "yes")]),
        ('{"answer": "yes", "answer": "n', [("answer", "yes"), ("answer", None)]),
    ],
)
def test_a_truncated_object_is_open_and_contains_its_complete_values(
    text: str, pairs: list[tuple[str, Value]]
):
    assert (only(text).state, list(only(text).pairs)) == ("open", pairs)


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "{ yes }", "the set {a, b}", "$x_{1}$", "[1, 2]", '"a": 1', "f'{x}'"]
)
def test_other_braces_are_not_objects(text: str):
    assert list(find_objects(text)) == []


def test_an_object_inside_a_broken_one_is_not_found():
    # a quotation without escapes that ends its own string must not pass for the object around it
    for text in (
        '{"reason": "he said "x" {"a": false} and "y" then, "a": true}',
        '{"reason": he said, {"a": false}, "a": true}',
    ):
        assert [(found.state, found.pairs, found.end) for found in find_objects(text)] == [
            ("broken", (), len(text))
        ]


def test_the_object_after_a_broken_one_is_found():
    text = 'Write {"a": true or false}.\n{"a": true}'
    assert [(found.state, found.pairs) for found in find_objects(text)] == [
        ("broken", ()),
        ("closed", (("a", True),)),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": true}', False),
        ('{"a": true}}', False),
        ('{{"a": true}}', False),
        ('{"a": true} and {b}', False),
        ('{"a": true} to me", "a": false}', True),
        ('{"a": true} to me"}', True),
        ('{"a": true} and "b": false', False),
        ('"a": false, then {"a": true}', False),
    ],
)
def test_loose_parts_after_an_object_are_detected(text: str, expected: bool):
    assert has_loose_parts(text, list(find_objects(text)), ("a",)) is expected


pieces = st.sampled_from(
    [
        '{"',
        "{",
        "}",
        '"',
        "'",
        "“",
        ":",
        ",",
        "[",
        "]",
        "\\",
        "\n",
        "true",
        "a",
        '"a": "b"',
        '{"a": ',
        "/*",
        "//",
        "=",
    ]
)


@given(st.lists(pieces, max_size=40).map("".join))
def test_objects_in_any_text_are_in_order_without_overlap(text: str):
    place = 0
    for found in find_objects(text):
        assert place <= found.start < found.end <= len(text)
        assert text[found.start] == "{"
        place = found.end
