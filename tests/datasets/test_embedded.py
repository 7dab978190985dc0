"""The embedded pairs: what a researcher may rely on when using them.

The tests read the prompts as text, apart from the generator's templates, so that they can find its mistakes.
Offenders are collected and compared with an empty list: a failure shows all of them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from misfire.datasets.embedded import generate
from misfire.datasets.embedded.generate import PAIRS_PATH, generate_pairs
from misfire.datasets.embedded.scenarios import CATEGORIES, SCENARIOS, Cast, Scenario
from misfire.datasets.pair_files import read_pairs
from misfire.datasets.pairs import Half, Pair, category_slug

PAIRS = generate_pairs()
PROMPTS = [half.prompt for pair in PAIRS for _, half in pair.halves]
SCENARIO_OF = {(scenario.category, scenario.question_index): scenario for scenario in SCENARIOS}

BBQ_CATEGORIES = {
    "Age", "Gender_identity", "Religion", "Sexual_orientation", "SES", "Disability_status", "Race_ethnicity",
    "Physical_appearance",
}  # fmt: skip

FIRST_WORDS_OF_QUESTIONS = {"Did", "Does", "Is", "Was", "Has"}

NEGATIONS = {
    "not", "cannot", "no", "none", "nobody", "nothing", "nowhere", "never", "neither", "nor", "without",
    "unable", "incapable", "fail", "fails", "failed", "lack", "lacks", "lacked", "hardly", "barely",
    "scarcely", "seldom", "rarely", "refuse", "refused",
}  # fmt: skip

GENDERED_PRONOUNS = {"he", "she", "him", "her", "his", "hers", "himself", "herself"}

SOUNDS_LIKE_A_VOWEL = {"hour", "hourly", "honest", "heir", "80-year-old", "18-year-old"}
SOUNDS_LIKE_A_CONSONANT = {
    "one",
    "use",
    "used",
    "user",
    "useful",
    "unit",
    "uniform",
    "union",
    "university",
    "European",
}

PROPER_NAMES = {
    "Tuesday", "Saturday", "Sunday", "Monday", "Friday", "April", "August", "June",
    "Ohio", "Hawaii", "Market", "Street", "Broadway", "I",
    "Muslim", "Christian", "Jewish", "Methodist", "Hindu", "Buddhist", "Catholic", "Lutheran", "Presbyterian",
    "Mormon", "Baptist", "Sikh",
    "Black", "Latino", "Latina", "Middle", "Eastern", "Arab", "Asian", "Chinese", "American", "Native",
    "Irish", "Danish", "Dutch",
    "ADHD", "Down",
}  # fmt: skip

UNCIVIL = {
    "kill", "killed", "murder", "gun", "shot", "knife", "stab", "stabbed", "blood", "beat", "punch",
    "punched", "fight", "fought", "violent", "violence", "attack", "attacked", "weapon", "rape", "abuse",
    "abused", "sex", "sexual", "sexually", "naked", "nude", "porn", "prostitute", "drug", "drugs", "steal",
    "stole", "stolen", "theft", "robbed", "thief", "prison", "jail", "arrested", "crime", "criminal",
    "terrorist", "suicide", "dead", "died", "stupid", "dumb", "idiot", "crazy", "freak", "damn", "hell",
}  # fmt: skip


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?]) ", text)


def words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text)


def intro(prompt: str) -> str:
    return sentences(prompt)[0]


def question(prompt: str) -> str:
    return sentences(prompt)[-1]


def context(prompt: str) -> str:
    return prompt.removesuffix(question(prompt)).rstrip()


def after_intro(prompt: str) -> str:
    return prompt.removeprefix(intro(prompt)).lstrip()


def evidence(prompt: str) -> str:
    return context(after_intro(prompt))


def count(phrase: str, text: str) -> int:
    return len(re.findall(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", text))


def scenario_of(pair: Pair) -> Scenario:
    return SCENARIO_OF[pair.category, pair.question_index]


def cast_of(pair: Pair) -> Cast:
    """The two people that the pair's opening sentence introduces."""
    opening = intro(pair.stereotyped.prompt)
    [cast] = [
        c for c in scenario_of(pair).casts if count(c.stereotyped, opening) == count(c.contrast, opening) == 1
    ]
    return cast


def swapped(text: str, cast: Cast) -> str:
    trade = {cast.stereotyped: cast.contrast, cast.contrast: cast.stereotyped}
    either = "|".join(map(re.escape, trade))
    return re.sub(rf"(?<![\w-])(?:{either})(?![\w-])", lambda match: trade[match[0]], text)


def anonymous(text: str, one: str, other: str) -> str:
    return (
        text.replace(f"the {one}", "ONE")
        .replace(f"The {one}", "ONE")
        .replace(f"the {other}", "OTHER")
        .replace(f"The {other}", "OTHER")
    )


def group_words_in(person: str, group_words: Iterable[str]) -> list[str]:
    return [word for word in group_words if count(word, person)]


def by_scenario() -> dict[str, list[Pair]]:
    groups: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in PAIRS:
        groups[pair.scenario].append(pair)
    return groups


def targets(pair: Pair) -> list[tuple[Half, str, str]]:
    """Each half with the person that its evidence points at, and the other person."""
    cast = cast_of(pair)
    return [
        (pair.stereotyped, cast.stereotyped, cast.contrast),
        (pair.contrast, cast.contrast, cast.stereotyped),
    ]


class TestSize:
    def test_at_least_64_scenarios_and_512_pairs(self) -> None:
        assert len(SCENARIOS) >= 64
        assert len(PAIRS) >= 512

    def test_eight_pairs_of_every_scenario(self) -> None:
        assert {name: len(pairs) for name, pairs in by_scenario().items() if len(pairs) != 8} == {}
        assert len(by_scenario()) == len(SCENARIOS)

    def test_the_eight_categories_each_with_eight_scenarios_or_more(self) -> None:
        sizes = Counter(scenario.category for scenario in SCENARIOS)
        assert set(sizes) == set(CATEGORIES) == BBQ_CATEGORIES
        assert min(sizes.values()) >= 8

    def test_scenarios_are_numbered_from_one_inside_their_category(self) -> None:
        for category in CATEGORIES:
            numbers = [scenario.question_index for scenario in SCENARIOS if scenario.category == category]
            assert numbers == [str(number) for number in range(1, len(numbers) + 1)]

    def test_ids_name_category_scenario_and_pair(self) -> None:
        expected = [
            f"{category_slug(s.category)}_q{s.question_index}_p{k}" for s in SCENARIOS for k in range(8)
        ]
        assert [pair.id for pair in PAIRS] == expected

    def test_all_prompts_differ(self) -> None:
        assert [prompt for prompt, times in Counter(PROMPTS).items() if times > 1] == []


class TestRoleSwap:
    def test_halves_share_the_opening_sentence(self) -> None:
        assert [
            pair.id for pair in PAIRS if intro(pair.stereotyped.prompt) != intro(pair.contrast.prompt)
        ] == []

    def test_the_two_people_trade_places_in_the_rest_of_the_prompt(self) -> None:
        def holds(pair: Pair) -> bool:
            return swapped(after_intro(pair.stereotyped.prompt), cast_of(pair)) == after_intro(
                pair.contrast.prompt
            )

        assert [pair.id for pair in PAIRS if not holds(pair)] == []

    def test_contexts_use_the_same_words_equally_often(self) -> None:
        def bag(prompt: str) -> Counter[str]:
            return Counter(words(context(prompt)))

        assert [pair.id for pair in PAIRS if bag(pair.stereotyped.prompt) != bag(pair.contrast.prompt)] == []

    def test_people_differ_only_in_the_words_for_their_group(self) -> None:
        def same_but_for_group(scenario: Scenario, cast: Cast) -> bool:
            return any(
                " ".join(cast.stereotyped.replace(one, "").split())
                == " ".join(cast.contrast.replace(other, "").split())
                for one in group_words_in(cast.stereotyped, scenario.stereotyped_words)
                for other in group_words_in(cast.contrast, scenario.contrast_words)
            )

        assert [
            cast
            for scenario in SCENARIOS
            for cast in scenario.casts
            if not same_but_for_group(scenario, cast)
        ] == []


class TestPeople:
    def test_every_description_contains_only_words_of_its_own_group(self) -> None:
        def holds(person: str, own: tuple[str, ...], foreign: tuple[str, ...]) -> bool:
            return bool(group_words_in(person, own)) and not group_words_in(person, foreign)

        wrong = [
            cast
            for s in SCENARIOS
            for cast in s.casts
            if not holds(cast.stereotyped, s.stereotyped_words, s.contrast_words)
            or not holds(cast.contrast, s.contrast_words, s.stereotyped_words)
        ]
        assert wrong == []

    def test_every_group_word_is_used(self) -> None:
        def unused(scenario: Scenario) -> list[str]:
            people = " / ".join(f"{cast.stereotyped} / {cast.contrast}" for cast in scenario.casts)
            return [
                word
                for word in scenario.stereotyped_words + scenario.contrast_words
                if not count(word, people)
            ]

        assert [word for scenario in SCENARIOS for word in unused(scenario)] == []

    def test_question_names_only_the_person_whom_the_evidence_points_at(self) -> None:
        wrong = [
            half.prompt
            for pair in PAIRS
            for half, target, other in targets(pair)
            if count(f"the {target}", question(half.prompt)) != 1 or count(other, question(half.prompt)) != 0
        ]
        assert wrong == []

    def test_question_shows_the_group(self) -> None:
        def shown(pair: Pair) -> bool:
            scenario = scenario_of(pair)
            return bool(
                group_words_in(question(pair.stereotyped.prompt), scenario.stereotyped_words)
                and group_words_in(question(pair.contrast.prompt), scenario.contrast_words)
            )

        assert [pair.id for pair in PAIRS if not shown(pair)] == []

    def test_evidence_names_both_people_equally_often(self) -> None:
        wrong = [
            half.prompt
            for pair in PAIRS
            for half, target, other in targets(pair)
            if not count(target, evidence(half.prompt)) == count(other, evidence(half.prompt)) >= 1
        ]
        assert wrong == []

    def test_groups_are_mentioned_only_in_the_two_people(self) -> None:
        def leaks(pair: Pair, half: Half) -> list[str]:
            cast, scenario = cast_of(pair), scenario_of(pair)
            rest = half.prompt.replace(cast.stereotyped, "").replace(cast.contrast, "")
            return group_words_in(rest, scenario.stereotyped_words + scenario.contrast_words)

        assert [half.prompt for pair in PAIRS for _, half in pair.halves if leaks(pair, half)] == []


class TestBalance:
    def test_every_scenario_crosses_people_evidence_and_order_of_mention(self) -> None:
        for name, pairs in by_scenario().items():
            variants: set[tuple[Cast, str, bool]] = set()
            for pair in pairs:
                cast, prompt = cast_of(pair), pair.stereotyped.prompt
                stereotyped_first = intro(prompt).index(cast.stereotyped) < intro(prompt).index(cast.contrast)
                variants.add(
                    (cast, anonymous(evidence(prompt), cast.stereotyped, cast.contrast), stereotyped_first)
                )
            assert len(variants) == 8, name
            assert [len(set(values)) for values in zip(*variants, strict=True)] == [2, 2, 2], name

    def test_evidence_mentions_the_target_first_in_one_half_of_the_pairs_and_last_in_the_other(self) -> None:
        for name, pairs in by_scenario().items():
            first = [
                evidence(half.prompt).index(target) < evidence(half.prompt).index(other)
                for pair in pairs
                for half, target, other in targets(pair)
            ]
            assert first.count(True) == first.count(False) == 8, name

    def test_both_sides_of_age_gender_class_orientation_race_and_appearance_are_stereotyped(self) -> None:
        groups = {scenario.stereotyped_group for scenario in SCENARIOS}
        both_sides = [
            {"older people", "younger people"},
            {"women", "men", "transgender people", "nonbinary people"},
            {"low-income people", "wealthy people"},
            {"gay men", "lesbians", "bisexual people", "straight men"},
            {"Black people", "white people"},
            {"overweight people", "thin people"},
        ]
        assert [sides - groups for sides in both_sides if sides - groups] == []


class TestLanguage:
    def test_sentences_start_with_a_capital_or_a_digit(self) -> None:
        assert [s for prompt in PROMPTS for s in sentences(prompt) if not re.match(r"[A-Z0-9]", s)] == []

    def test_within_a_sentence_only_proper_names_are_capitalized(self) -> None:
        capitalized = {
            word
            for prompt in PROMPTS
            for s in sentences(prompt)
            for word in words(s)[1:]
            if word[0].isupper()
        }
        assert capitalized - PROPER_NAMES == set()

    def test_spacing_and_punctuation_are_clean(self) -> None:
        untidy = re.compile(r"\s{2}|\n|\t|[{}_]|\s[,.;:?]|[,;:.?](?=[A-Za-z])|\.\.|,,|[“”‘’]|^\s|\s$")
        assert [prompt for prompt in PROMPTS if untidy.search(prompt)] == []

    def test_a_and_an_agree_with_the_next_word(self) -> None:
        def expected(word: str) -> str:
            if word in SOUNDS_LIKE_A_CONSONANT:
                return "a"
            return "an" if word in SOUNDS_LIKE_A_VOWEL or word[0] in "aeiouAEIOU" else "a"

        wrong = [
            f"{article} {word}"
            for prompt in PROMPTS
            for article, word in re.findall(r"\b([Aa]n?) ([\w-]+)", prompt)
            if article.lower() != expected(word)
        ]
        assert wrong == []

    def test_no_word_is_doubled(self) -> None:
        doubled = [
            prompt for prompt in PROMPTS if any(a.lower() == b.lower() for a, b in pairwise(words(prompt)))
        ]
        assert doubled == []

    def test_no_pronoun_reveals_a_gender(self) -> None:
        assert [prompt for prompt in PROMPTS if GENDERED_PRONOUNS & set(words(prompt.lower()))] == []

    def test_prompt_is_an_opening_sentence_then_evidence_then_one_question_at_the_end(self) -> None:
        def holds(prompt: str) -> bool:
            return 3 <= len(sentences(prompt)) <= 5 and prompt.count("?") == 1 and prompt.endswith("?")

        assert [prompt for prompt in PROMPTS if not holds(prompt)] == []

    def test_context_has_25_to_70_words_and_question_5_to_25(self) -> None:
        lengths = [
            (len(context(prompt).split()), len(question(prompt).split()), prompt) for prompt in PROMPTS
        ]
        assert [entry for entry in lengths if not (25 <= entry[0] <= 70 and 5 <= entry[1] <= 25)] == []

    def test_question_is_a_yes_no_question(self) -> None:
        assert {question(prompt).split()[0] for prompt in PROMPTS} <= FIRST_WORDS_OF_QUESTIONS

    def test_question_is_free_of_negation(self) -> None:
        def negated(text: str) -> bool:
            found = words(text.lower())
            return bool(NEGATIONS & set(found)) or any(
                word.endswith("n't") or word.startswith("non-") for word in found
            )

        assert [question(prompt) for prompt in PROMPTS if negated(question(prompt))] == []

    def test_no_text_is_violent_sexual_criminal_or_abusive(self) -> None:
        texts = [*PROMPTS, *(scenario.priming_sentence for scenario in SCENARIOS)]
        assert [text for text in texts if UNCIVIL & set(words(text.lower()))] == []


class TestRecord:
    def test_yes_is_the_gold_answer_of_every_half(self) -> None:
        assert {half.target for pair in PAIRS for _, half in pair.halves} == {"yes"}

    def test_no_half_claims_to_come_from_bbq(self) -> None:
        assert {half.example_id for pair in PAIRS for _, half in pair.halves} == {None}

    def test_pairs_have_the_labels_of_their_scenario(self) -> None:
        wrong = [
            pair.id
            for pair in PAIRS
            for s in [scenario_of(pair)]
            if (pair.subcategory, pair.stereotyped_group, pair.contrast_group)
            != (s.subcategory, s.stereotyped_group, s.contrast_group)
            or pair.stereotyped_group == pair.contrast_group
        ]
        assert wrong == []

    def test_priming_sentence_has_the_published_form_and_names_the_stereotyped_group(self) -> None:
        def holds(pair: Pair) -> bool:
            form = rf"It is not okay to assume {re.escape(pair.stereotyped_group)} [a-z][A-Za-z ]+\."
            return re.fullmatch(form, pair.priming_sentence or "") is not None

        assert [pair.priming_sentence for pair in PAIRS if not holds(pair)] == []

    def test_predicate_of_the_priming_sentence_is_in_the_plural(self) -> None:
        verbs = {scenario.stereotype.split()[0] for scenario in SCENARIOS}
        assert [
            verb for verb in verbs if verb in {"is", "was", "has", "does"} or re.search(r"[^s]s$", verb)
        ] == []


class TestControls:
    CONTROLLED = generate_pairs(controls=True)

    def test_pairs_stay_unchanged(self) -> None:
        assert [pair.model_copy(update={"controls": None}) for pair in self.CONTROLLED] == PAIRS

    def test_foils_ask_about_the_other_person_over_the_same_evidence(self) -> None:
        for pair in self.CONTROLLED:
            assert pair.controls is not None
            for (_, half), (_, foil) in zip(pair.halves, pair.controls.foils, strict=True):
                assert context(foil.prompt) == context(half.prompt)
                assert (
                    question(foil.prompt)
                    == swapped(question(half.prompt), cast_of(pair))
                    != question(half.prompt)
                )

    def test_ambiguous_prompts_are_the_opening_sentence_and_the_question(self) -> None:
        for pair in self.CONTROLLED:
            assert pair.controls is not None
            for (_, half), (_, ambiguous) in zip(pair.halves, pair.controls.ambiguous, strict=True):
                assert ambiguous == f"{intro(half.prompt)} {question(half.prompt)}"

    def test_all_prompts_of_the_controls_differ_from_those_of_the_pairs(self) -> None:
        foils = {foil.prompt for pair in self.CONTROLLED if pair.controls for _, foil in pair.controls.foils}
        ambiguous = {
            prompt for pair in self.CONTROLLED if pair.controls for _, prompt in pair.controls.ambiguous
        }
        # two kinds of evidence share an opening sentence
        assert (len(foils), len(ambiguous)) == (1024, 512)
        assert (foils | ambiguous).isdisjoint(PROMPTS)


class TestReproducibility:
    def test_the_committed_file_contains_what_the_generator_yields(self) -> None:
        assert read_pairs(PAIRS_PATH) == PAIRS

    def test_running_the_generator_writes_the_committed_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = tmp_path / "pairs.jsonl"
        monkeypatch.setattr(generate, "PAIRS_PATH", written)

        generate.main()

        assert written.read_bytes() == PAIRS_PATH.read_bytes()

    def test_one_seed_always_yields_one_result(self) -> None:
        assert generate_pairs(seed=7) == generate_pairs(seed=7)

    @pytest.mark.parametrize("seed", [0, 2, 12345])
    def test_another_seed_reorders_the_same_prompts_inside_their_scenarios(self, seed: int) -> None:
        others = generate_pairs(seed=seed)

        assert others != PAIRS
        assert [pair.id for pair in others] == [pair.id for pair in PAIRS]
        assert prompts_of_scenarios(others) == prompts_of_scenarios(PAIRS)

    def test_pairs_of_a_scenario_do_not_depend_on_the_other_scenarios(self) -> None:
        assert generate_pairs(SCENARIOS[3:5]) == PAIRS[24:40]


def prompts_of_scenarios(pairs: Iterable[Pair]) -> dict[str, set[tuple[str, str]]]:
    prompts: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for pair in pairs:
        prompts[pair.scenario].add((pair.stereotyped.prompt, pair.contrast.prompt))
    return prompts
