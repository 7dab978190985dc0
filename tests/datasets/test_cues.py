"""Cues: what each says, for which pair, in which wording."""

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from misfire.datasets.cues import (
    CUES,
    EVIDENCE,
    FAIRNESS,
    NEUTRAL,
    POLICY,
    CueBook,
    CueName,
    clause,
    group,
    read_templates,
    recognize_cue,
    slots,
    unrelated_sentences,
)
from misfire.datasets.pairs import Pair, category_slug
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from tests.conftest import PairMaker

EMBEDDED = load_pairs(PairSettings("embedded")).pairs


@pytest.fixture(scope="module")
def book() -> CueBook:
    return CueBook(unrelated_sentences(EMBEDDED), ("Note on {group}, {category}: {clause}.",), seed=1)


def test_every_cue_has_a_name():
    assert set(get_args(CueName)) == set(CUES)


def test_the_published_cue_is_that_of_the_pair(book: CueBook):
    assert all(book.text("published", pair) == pair.priming_sentence for pair in EMBEDDED)


@pytest.mark.parametrize("cue", ["fairness", "policy", "neutral", "evidence"])
def test_each_new_cue_has_at_least_three_wordings_about_equally_often(book: CueBook, cue: CueName):
    openings = Counter(" ".join(book.text(cue, pair).split()[:3]) for pair in EMBEDDED)
    assert len(openings) >= 3
    assert min(openings.values()) > len(EMBEDDED) / len(openings) / 2


def test_the_wording_depends_on_seed_and_pair_alone(book: CueBook):
    again, other = (
        CueBook(book.unrelated, book.templates, seed=1),
        CueBook(book.unrelated, book.templates, seed=2),
    )
    assert all(book.text(cue, pair) == again.text(cue, pair) for cue in CUES for pair in EMBEDDED[:20])
    assert any(book.text("fairness", pair) != other.text("fairness", pair) for pair in EMBEDDED[:20])


def test_the_fairness_cue_names_no_group():
    groups = {word.lower() for pair in EMBEDDED for word in pair.stereotyped_group.split()} - {
        "people",
        "and",
        "with",
        "of",
    }
    assert not groups & {
        word.strip(".,").lower() for wording in (*FAIRNESS, *EVIDENCE) for word in wording.split()
    }


def test_the_policy_cue_states_the_published_clause(book: CueBook):
    assert all(clause(pair) in book.text("policy", pair) for pair in EMBEDDED)
    assert all(wording.count("{clause}") == 1 for wording in POLICY)


def test_the_unrelated_cue_is_published_for_another_group(book: CueBook, bbq_pairs: list[Pair]):
    for pairs, source in ((EMBEDDED, book), (bbq_pairs, CueBook(unrelated_sentences(bbq_pairs)))):
        published = {pair.priming_sentence: pair for pair in pairs}
        for pair in pairs:
            other = published[source.text("unrelated", pair)]
            assert other.category != pair.category
            shared_words = {*group(pair).lower().split()} & {*group(other).lower().split()}
            assert shared_words <= {"people", "with", "and", "or", "in", "a"}, (pair.id, other.id)


def test_without_another_category_there_is_no_unrelated_cue(make_pair: PairMaker):
    pair = make_pair(priming_sentence="It is not okay to assume old people were late.")
    with pytest.raises(InputError, match="at least two categories"):
        CueBook(unrelated_sentences([pair])).text("unrelated", pair)


def length(text: str | None) -> int:
    return len((text or "").split())


def test_the_neutral_cue_is_as_long_as_the_published_one(book: CueBook, bbq_pairs: list[Pair]):
    differences = [
        length(book.text("neutral", pair)) - length(pair.priming_sentence) for pair in [*EMBEDDED, *bbq_pairs]
    ]
    assert abs(sum(differences) / len(differences)) < 0.5
    assert max(map(abs, differences)) <= 3


def test_a_neutral_cue_may_end_after_any_part():
    assert all(
        len(parts[0].split()) == 3 and sum(len(part.split()) for part in parts) >= 27 for parts in NEUTRAL
    )


def test_a_pair_without_a_published_cue_can_have_those_that_need_none(book: CueBook, make_pair: PairMaker):
    pair = make_pair()
    assert book.text("fairness", pair) in FAIRNESS
    assert book.text("evidence", pair) in EVIDENCE
    for cue in ("published", "policy", "neutral", "file"):
        with pytest.raises(InputError, match=r"pair age_q1_p0 has no priming_sentence"):
            book.text(cue, pair)


@pytest.mark.parametrize(
    ("label", "phrase"),
    [("old", "old people"), ("F", "women"), ("disabled, autistic people", "autistic people")],
)
def test_a_label_of_bbq_becomes_a_plural_noun_phrase(make_pair: PairMaker, label: str, phrase: str):
    assert (
        group(
            make_pair(
                stereotyped_group=label, priming_sentence=f"It is not okay to assume {phrase} were late."
            )
        )
        == phrase
    )


def test_the_groups_of_the_embedded_pairs_are_used_unchanged():
    assert all(group(pair) == pair.stereotyped_group for pair in EMBEDDED)


def test_a_template_is_filled_from_the_pair(book: CueBook, make_pair: PairMaker):
    pair = make_pair(
        category="Gender_identity",
        stereotyped_group="F",
        priming_sentence="It is not okay to assume women were late.",
    )
    assert book.text("file", pair) == "Note on women, gender identity: women were late."
    assert slots(pair)["sentence"] == pair.priming_sentence


def test_templates_are_read_line_by_line(tmp_path: Path):
    file = tmp_path / "cues.txt"
    file.write_text("\ufeff# mine\nBe fair to {group}.\n\n  Braces {{as such}}.  \n", encoding="utf-8")
    assert read_templates(file) == ("Be fair to {group}.", "Braces {{as such}}.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ok\nHi {nobody}.", "line 2: unknown placeholder {nobody}"),
        ("Hi {}.", "line 1: unknown placeholder {}"),
        ("Hi {0}.", "line 1: unknown placeholder {0}"),
        ("Hi {group", "line 1: expected '}'"),
        ("Hi }", "line 1: Single '}'"),
        ("Hi {group!r}", "line 1: placeholder {group} has a format"),
        ("Hi {group:>{clause}}", "line 1: placeholder {group} has a format"),
        ("Hi {group.__class__}", "line 1: unknown placeholder {group.__class__}"),
        ("# nothing\n\n", "contains no cue"),
    ],
)
def test_a_bad_template_is_refused_with_its_line(tmp_path: Path, content: str, said: str):
    file = tmp_path / "cues.txt"
    file.write_text(content)
    with pytest.raises(InputError) as caught:
        read_templates(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_cue_file_that_is_not_text_is_refused(tmp_path: Path):
    (tmp_path / "cues.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as UTF-8"):
        read_templates(tmp_path / "cues.txt")


@pytest.mark.parametrize("cue", ["published", "fairness", "policy", "neutral", "unrelated", "evidence"])
def test_a_cue_is_recognized_in_any_place(book: CueBook, cue: CueName):
    for pair in EMBEDDED[::7]:
        assert recognize_cue(f"x {book.text(cue, pair)} y", pair) == cue
    assert recognize_cue("Answer as JSON.", EMBEDDED[0]) is None


def test_every_category_has_unrelated_sentences():
    assert set(unrelated_sentences(EMBEDDED)) == {category_slug(pair.category) for pair in EMBEDDED}


def test_pairs_keep_their_cue(make_pair: PairMaker):
    pair: Pair = make_pair(priming_sentence="It is not okay to assume old people were late.")
    assert clause(pair) == "old people were late"
