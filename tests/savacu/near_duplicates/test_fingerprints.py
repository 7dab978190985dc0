"""Fingerprints are those of the package simhash, bit for bit."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simhash import Simhash

from misfire.savacu.near_duplicates import fingerprints as module
from misfire.savacu.near_duplicates.fingerprints import fingerprints, telling
from misfire.savacu.near_duplicates.neighbors import near_pairs


def usual(text: str) -> int:
    return int(Simhash(text).value or 0)


@given(st.lists(st.text(max_size=80), max_size=8))
def test_fingerprints_are_the_usual_ones(texts: list[str]):
    assert fingerprints(texts).tolist() == [usual(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "a",
        "abc",
        "abcd",
        "ab" * 90,
        "İstanbul ŞĞ",
        "🙂🙂🙂🙂 ab",
        "中文字符测试",
        "x\u0300yz",
        "ß_ß",
        "² ³ x",
    ],
)
def test_fingerprints_of_unusual_texts_are_the_usual_ones(text: str):
    assert fingerprints([text, "another"]).tolist() == [usual(text), usual("another")]


def test_a_text_in_which_the_package_overflows_has_a_fingerprint():
    assert fingerprints(["a" * 5000])[0] == usual("aaaa")


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch):
    texts = [f"text number {number} of a few" for number in range(50)]
    whole = fingerprints(texts).tolist()
    monkeypatch.setattr(module, "BATCH", 60)
    assert fingerprints(iter(texts)).tolist() == whole


def test_capitals_spaces_and_punctuation_do_not_matter():
    one, other = fingerprints(["What is love?", "what  is LOVE"])
    assert one == other


def test_fingerprints_of_real_prompts_are_distinct(shared: Path):
    with (shared / "savacu" / "prompts_with_domains.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["prompt"] for row in csv.DictReader(file)][::10]
    assert fingerprints(texts).tolist() == [usual(text) for text in texts]


APART = {
    "signs": ["!!! ??? ...", "+ - * /", "<> <> <>", "(((((((((("],
    "emoji": ["🙂🙂🙂", "🔥🔥🔥", "🙂🔥🙂🔥", "👨‍👩‍👧‍👦"],
    "sums": ["2 + 2 = ?", "2 - 2 = ?", "2 × 2 = ?", "22 ??"],
    "a letter among signs": ["a 🙂🙂🙂🙂", "a 🔥🔥🔥🔥", "a ........", "a"],
    "a few letters among many signs": [
        "code 🙂🙂🙂🙂🙂🙂🙂🙂",
        "code 🔥🔥🔥🔥🔥🔥🔥🔥",
        "code",
        "code --- *** --- ***",
    ],
    "vowel signs": ["की", "का", "कु", "के"],
}


@pytest.mark.parametrize("name", APART)
def test_texts_with_the_same_letters_are_distinguished_by_other_characters(name: str):
    texts = APART[name]
    assert len(near_pairs(fingerprints(map(telling, texts)), 5)) == 0
    # where SimHash alone would merge some or all of them
    assert name == "vowel signs" or len(set(fingerprints(texts).tolist())) < len(texts)


def test_spaces_do_not_distinguish_texts_of_symbols():
    one, other = fingerprints(map(telling, ["🙂🙂 🔥🔥", " 🙂🙂🔥🔥\n"]))
    assert one == other


def test_the_compared_form_of_ordinary_texts_is_the_text_itself(shared: Path):
    with (shared / "savacu" / "prompts_with_domains.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["prompt"] for row in csv.DictReader(file)]
    # but for three with words in Tamil or Bengali, and a game's board drawn in signs
    assert sum(telling(text) != text for text in texts) == 4
