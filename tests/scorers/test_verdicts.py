"""Reading verdicts: what a judge's reply may look like, and what does not do."""

import json
import random
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension
from misfire.scorers.verdicts import JOINT_KEY, LONGEST_REASON, Verdict, asks_joint, parse_verdict, questions, verdict_keys

ALL = DIMENSIONS

asked_sets: st.SearchStrategy[tuple[Dimension, ...]] = st.sets(st.sampled_from(DIMENSIONS), min_size=1).map(
    lambda chosen: tuple(name for name in DIMENSIONS if name in chosen)
)


def written(safety: object = False, value: object = False, culture: object = False, **more: object) -> str:
    """A verdict on all three dimensions, as JSON."""
    return json.dumps({"reason": "so", "safety": safety, "value": value, "culture": culture, "misaligned": False, **more})


FLAGS_VALUE = Verdict(("value",), False, "so")


@given(st.data())
def test_every_object_of_the_schema_is_read_as_it_stands(data: st.DataObject):
    # given any dimensions, any verdict on them, its keys in any order, and any reason
    asked = data.draw(asked_sets)
    keys = [*asked, *(["misaligned"] if len(asked) > 1 else [])]
    record: dict[str, Any] = {key: data.draw(st.booleans()) for key in keys}
    reason = data.draw(st.none() | st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
    if reason is not None:
        record["reason"] = reason
    text = json.dumps(dict(data.draw(st.permutations(list(record.items())))), indent=data.draw(st.sampled_from([None, 2])))

    # when it is read, then the dimensions that are true are flagged, in their own order
    assert parse_verdict(text, asked) == Verdict(
        tuple(name for name in ("safety", "value", "culture") if record.get(name)),
        record["misaligned"] if len(asked) > 1 else None,
        " ".join((reason or "").split()),
    )


@pytest.mark.parametrize(
    "text",
    [
        written(value=True),
        f"```json\n{written(value=True)}\n```",
        f"```\n{written(value=True)}\n```",
        f"Here is my verdict: {written(value=True)} I hope that it helps.",
        f'<think>Is {{safety}} at stake? {{x: 1}} {{ {{ "</think>{written(value=True)}',
        written(value=True).replace("{", "{\n\t ").replace(", ", ",\n"),
        f"Ünïcödé 🙂 \u2028{written(value=True)}\x00",
        written(value=True, confidence=0.4, notes={"safety": 1, "list": [{}, None]}),
    ],
)
def test_text_around_the_object_does_no_harm(text: str):
    assert parse_verdict(text, ALL) == FLAGS_VALUE


def test_of_several_objects_the_last_that_fits_counts():
    # given second thoughts, and behind them objects that are no verdict
    text = f'{written(safety=True)} No: {written(value=True)} {{"safety": true}} {{"reason": "cut of'
    assert parse_verdict(text, ALL) == FLAGS_VALUE


def test_braces_in_the_reason_are_no_object():
    reason = 'it says {"safety": true, "value": true, "culture": true, "misaligned": true} and {'
    assert parse_verdict(written(value=True, reason=reason), ALL) == Verdict(("value",), False, reason)


@pytest.mark.parametrize("wrong", ["true", "yes", 1, 0, 1.0, None, [], [True], {"flagged": True}])
@pytest.mark.parametrize("key", ["safety", "misaligned"])
def test_words_and_numbers_are_no_booleans(key: str, wrong: object):
    assert parse_verdict(written(**{key: wrong}), ALL) is None


@pytest.mark.parametrize("key", ["safety", "value", "culture", "misaligned"])
def test_every_key_must_be_there(key: str):
    record = json.loads(written())
    del record[key]
    assert parse_verdict(json.dumps(record), ALL) is None


@pytest.mark.parametrize("twice", ['"safety": false', '"safety": true', '"reason": "other"', '"misaligned": true'])
def test_an_object_that_names_a_key_twice_is_none(twice: str):
    doubled = written(value=True)[:-1] + f", {twice}}}"
    assert json.loads(doubled)
    assert parse_verdict(doubled, ALL) is None
    assert parse_verdict(f"{written(value=True)} {doubled}", ALL) == FLAGS_VALUE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "true",
        "[true, false]",
        written().replace("false", "False"),
        written().replace('"', "'"),
        written()[:-1],
        written().replace('"safety"', '"Safety"'),
        f"[{written()[1:-1]}]",
        json.dumps(written()),
    ],
)
def test_what_is_no_verdict_gives_none(text: str):
    assert parse_verdict(text, ALL) is None


@pytest.mark.parametrize("asked", [("safety",), ("value", "culture")])
def test_only_the_dimensions_asked_about_count(asked: tuple[Dimension, ...]):
    # given an answer about more than was asked
    verdict = parse_verdict(written(safety=True, value=True, culture=True), asked)
    assert verdict is not None
    assert verdict.flagged == asked
    # then the joint verdict is read where it was asked for, and only there
    assert verdict.stated is (False if len(asked) > 1 else None)


def test_the_order_in_which_dimensions_are_asked_does_not_matter():
    text = written(safety=True, culture=True)
    assert parse_verdict(text, ("culture", "value", "safety")) == parse_verdict(text, ALL) == Verdict(("safety", "culture"), False, "so")


@pytest.mark.parametrize(("reason", "read"), [("  two\n words ", "two words"), (7, ""), (None, ""), (["x"], ""), ("", "")])
def test_a_reason_is_put_on_one_line_and_is_not_needed(reason: object, read: str):
    verdict = parse_verdict(written(reason=reason), ALL)
    assert verdict is not None
    assert verdict.reason == read


def test_a_long_reason_is_cut():
    verdict = parse_verdict(written(reason="x" * 5000), ALL)
    assert verdict is not None
    assert verdict.reason == "x" * LONGEST_REASON


@pytest.mark.parametrize("nest", ['{"a":', "[", '{"a":[', '{"a":{"b":1},"c":'])
@pytest.mark.parametrize("depth", [100, 3000, 19_000, 200_000])
def test_deep_nesting_neither_raises_nor_hides_the_verdict(nest: str, depth: int):
    for opening in ("", '{"a": '):
        assert parse_verdict(opening + nest * depth, ALL) is None
        assert parse_verdict(opening + nest * depth + written(value=True), ALL) == FLAGS_VALUE


@given(st.text(max_size=200))
@example('{"safety": 1e999999}')
@example('{"safety": ' + "9" * 5000 + "}")
@example('{"\ud800": "\udfff')
@example('{"safety": NaN, "value": Infinity}')
def test_no_text_makes_it_raise(text: str):
    assert parse_verdict(text, ALL) is None
    # and what stands before a verdict, without an opening of its own, does not hide it
    assert parse_verdict(f"{text} {written(value=True)}", ALL) == FLAGS_VALUE


fragments = st.sampled_from(['{"', "{", "}", '"', ":", ",", "true", "false", '"safety"', '"value": true', "[", "]", "\\", "\n", written()])


@given(st.lists(fragments, max_size=40).map("".join), asked_sets)
def test_no_heap_of_json_s_parts_makes_it_raise(text: str, asked: tuple[Dimension, ...]):
    verdict = parse_verdict(text, asked)
    assert verdict is None or set(verdict.flagged) <= set(asked)


def characters_read(text: str) -> int:
    """How many characters the JSON decoder is given to read, at most, for a text."""
    read = 0
    decode: Callable[..., Any] = json.JSONDecoder.raw_decode

    def counting(decoder: json.JSONDecoder, window: str, start: int = 0) -> Any:
        nonlocal read
        read += len(window) - start
        return decode(decoder, window, start)

    with patch.object(json.JSONDecoder, "raw_decode", counting):
        parse_verdict(text, ALL)
    return read


@pytest.mark.parametrize("unit", ['{"', '{"a":', "{ ", '{"a": "', '{"safety": true, ', written()[:-1] + " "])
def test_the_work_on_a_huge_text_does_not_grow_with_it(unit: str):
    small, large = (characters_read(unit * (size // len(unit))) for size in (100_000, 2_000_000))
    assert large <= 1.1 * small + 1000


def test_a_verdict_at_the_end_of_a_huge_text_is_found():
    generator = random.Random(1)
    noise = "".join(generator.choices('{}[]":,\\ \nabc', k=500_000)) + '"}]'
    assert parse_verdict(noise + written(value=True), ALL) == FLAGS_VALUE


@given(asked_sets)
def test_a_joint_verdict_is_asked_for_where_several_dimensions_are(asked: tuple[Dimension, ...]):
    assert asks_joint(asked) is (len(asked) >= 2)
    assert verdict_keys(asked) == (asked if len(asked) < 2 else (*asked, JOINT_KEY))
    assert questions(asked, joint=True) == [asked]
    assert questions(asked, joint=False) == [(name,) for name in asked]
