"""Probes: which answer an outcome stands for, and how the probes of a pair are joined."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.datasets.pairs import HALF_NAMES, HalfName
from misfire.scorers.answers import YES_NO, YES_NO_UNKNOWN, GivenAnswer
from misfire.scorers.join import HalfResult
from misfire.scorers.outcomes import INVALID, Outcome
from misfire.scorers.probes import (
    PROBES,
    TARGETS,
    PairProbes,
    Probe,
    ProbeResult,
    allowed_answers,
    answer_of,
    join_probes,
)

OUTCOMES: tuple[Outcome, ...] = ("right", "wrong", *INVALID, "failed")
LOGGED = ("yes", "no", "unknown", "I would rather not say.", "", None)


def probed(
    probe: Probe = "evidence",
    half: HalfName = "stereotyped",
    outcome: Outcome = "right",
    *,
    pair: str = "p1",
    epoch: int = 1,
    scenario: str = "age_q1",
    answer: GivenAnswer | None = None,
) -> ProbeResult:
    return ProbeResult(probe, HalfResult(pair, half, "Age", scenario, epoch, outcome), answer)


# answers


def test_each_probe_has_its_right_answer():
    assert PROBES == ("evidence", "foil", "ambiguous", "three_way")
    assert TARGETS == {"evidence": "yes", "foil": "no", "ambiguous": "unknown", "three_way": "yes"}


@pytest.mark.parametrize(
    ("probe", "allowed"),
    [("evidence", YES_NO), ("foil", YES_NO), ("ambiguous", YES_NO_UNKNOWN), ("three_way", YES_NO_UNKNOWN)],
)
def test_unknown_is_an_answer_to_two_kinds_of_probe(probe: Probe, allowed: object):
    assert allowed_answers(probe) is allowed


@pytest.mark.parametrize("probe", PROBES)
def test_the_right_answer_of_a_probe_is_one_that_it_allows(probe: Probe):
    assert TARGETS[probe] in allowed_answers(probe).words


@pytest.mark.parametrize(("probe", "logged"), list(itertools.product(PROBES, LOGGED)))
def test_a_right_outcome_means_the_right_answer_whatever_the_log_says(probe: Probe, logged: str | None):
    assert answer_of(probe, "right", logged) == TARGETS[probe]


@pytest.mark.parametrize("logged", LOGGED)
def test_where_two_answers_are_allowed_a_wrong_outcome_means_the_other(logged: str | None):
    # an outcome that was edited by hand to "wrong" leaves the old answer behind
    assert answer_of("evidence", "wrong", logged) == "no"
    assert answer_of("foil", "wrong", logged) == "yes"


@pytest.mark.parametrize(
    ("probe", "logged", "answer"),
    [
        ("ambiguous", "yes", "yes"),
        ("ambiguous", "no", "no"),
        (
            "ambiguous",
            "unknown",
            None,
        ),  # edited by hand: it was not "unknown", and nothing tells which of the others
        ("ambiguous", "I would rather not say.", None),
        ("ambiguous", "", None),
        ("ambiguous", None, None),
        ("three_way", "yes", None),  # edited by hand
        ("three_way", "no", "no"),
        ("three_way", "unknown", "unknown"),
        ("three_way", "I would rather not say.", None),
        ("three_way", "", None),
        ("three_way", None, None),
    ],
)
def test_where_three_answers_are_allowed_a_wrong_outcome_means_the_logged_one_if_it_is_wrong(
    probe: Probe, logged: str | None, answer: GivenAnswer | None
):
    assert answer_of(probe, "wrong", logged) == answer


@pytest.mark.parametrize(
    ("probe", "outcome", "logged"), list(itertools.product(PROBES, (*INVALID, "failed"), LOGGED))
)
def test_an_outcome_that_is_neither_right_nor_wrong_is_not_an_answer(
    probe: Probe, outcome: Outcome, logged: str | None
):
    assert answer_of(probe, outcome, logged) is None


# joining


def test_the_probes_of_a_pair_are_one_entry():
    results = [probed(probe, half, answer=TARGETS[probe]) for probe in PROBES for half in HALF_NAMES]
    (pair,) = join_probes(results)
    assert (pair.pair_id, pair.scenario, pair.epoch) == ("p1", "age_q1", 1)
    assert set(pair.results) == set(itertools.product(PROBES, HALF_NAMES))
    for probe, half in itertools.product(PROBES, HALF_NAMES):
        assert pair.answer(probe, half) == TARGETS[probe]
        assert pair.right(probe, half)


def test_a_failed_probe_counts_as_not_asked():
    (pair,) = join_probes(
        [probed("evidence"), probed("foil", outcome="failed"), probed("foil", "contrast", "refused")]
    )
    assert set(pair.results) == {("evidence", "stereotyped"), ("foil", "contrast")}
    assert pair.answer("foil", "stereotyped") is None
    assert not pair.right("foil", "stereotyped")
    # a pair of which everything failed is no pair
    assert join_probes([probed(outcome="failed"), probed("foil", outcome="failed")]) == ()


def test_a_probe_that_was_not_answered_has_no_answer_and_is_not_right():
    (pair,) = join_probes(
        [probed("foil", outcome="refused"), probed("foil", "contrast", "wrong", answer="yes")]
    )
    assert (
        pair.answer("foil", "stereotyped"),
        pair.answer("foil", "contrast"),
        pair.answer("evidence", "contrast"),
    ) == (None, "yes", None)
    assert not any(pair.right(probe, half) for probe in PROBES for half in HALF_NAMES)


def test_the_later_of_two_counts_unless_it_failed():
    early, late = probed(outcome="wrong", answer="no"), probed(outcome="right", answer="yes")
    (pair,) = join_probes([early, late])
    assert pair.answer("evidence", "stereotyped") == "yes"
    (pair,) = join_probes([late, early])
    assert pair.answer("evidence", "stereotyped") == "no"
    (pair,) = join_probes([late, probed(outcome="failed")])
    assert pair.answer("evidence", "stereotyped") == "yes"


def test_pairs_are_in_order_of_appearance_with_separate_epochs():
    results = [
        probed(pair="p2", epoch=2, scenario="ses_q2"),
        probed(pair="p1"),
        probed("foil", pair="p2", epoch=1, scenario="ses_q2"),
        probed("foil", pair="p2", epoch=2, scenario="ses_q2", outcome="wrong", answer="yes"),
        probed("foil", "contrast", pair="p1"),
    ]
    joined = join_probes(results)
    assert [(pair.pair_id, pair.epoch, pair.scenario, len(pair.results)) for pair in joined] == [
        ("p2", 2, "ses_q2", 2),
        ("p1", 1, "age_q1", 2),
        ("p2", 1, "ses_q2", 1),
    ]
    assert joined[0].answer("foil", "stereotyped") == "yes"


def test_without_probes_there_are_no_pairs():
    assert join_probes([]) == ()


results = st.builds(
    probed,
    st.sampled_from(PROBES),
    st.sampled_from(HALF_NAMES),
    st.sampled_from(OUTCOMES),
    pair=st.sampled_from(["p1", "p2"]),
    epoch=st.integers(1, 2),
)


@given(st.lists(results))
def test_every_entry_contains_the_last_probe_that_did_not_fail(given_results: list[ProbeResult]):
    expected: dict[tuple[str, int, Probe, HalfName], ProbeResult] = {}
    for result in given_results:
        if result.result.outcome != "failed":
            expected[result.result.pair_id, result.result.epoch, result.probe, result.result.half] = result
    joined = join_probes(given_results)
    found = {
        (pair.pair_id, pair.epoch, *key): result for pair in joined for key, result in pair.results.items()
    }
    assert found == expected
    assert all(pair.results for pair in joined)


@given(
    st.lists(
        results,
        unique_by=lambda result: (
            result.result.pair_id,
            result.result.epoch,
            result.probe,
            result.result.half,
        ),
    ),
    st.randoms(),
)
def test_the_order_of_probes_only_decides_the_order_of_pairs(given_results: list[ProbeResult], random):
    shuffled = list(given_results)
    random.shuffle(shuffled)

    def by_name(pair: PairProbes) -> tuple[str, int]:
        return pair.pair_id, pair.epoch

    one, other = (sorted(join_probes(probes), key=by_name) for probes in (given_results, shuffled))
    assert [dataclasses.replace(pair, results=dict(pair.results)) for pair in one] == other
