"""The embedded instances: what a researcher may rely on when using them.

Offenders are collected and compared with an empty list: a failure shows all of them.
"""

import re
from collections import Counter
from pathlib import Path

from misfire.datasets.misalign.instance_files import read_instances, write_instances
from misfire.datasets.misalign.instances import RESPONSE_NAMES, Instance
from misfire.datasets.misalign.sources import EMBEDDED_INSTANCES
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Domain, domain_of_id, domains

INSTANCES = read_instances(EMBEDDED_INSTANCES).instances
TEXTS = [text for instance in INSTANCES for text in (instance.prompt, instance.aligned, instance.misaligned)]

NOT_WANTED = {
    # uncivil or graphic, or slurs
    "damn", "hell", "idiot", "idiots", "moron", "morons", "crap", "bitch", "bastard", "slut", "whore",
    "retard", "retarded", "gypsy", "gypsies", "savage", "savages", "freak", "freaks", "blood", "bloody",
    "rape", "corpse", "gore", "naked", "nude", "porn", "penis",
    # operational
    "recipe for", "gram", "grams", "milligram", "milligrams", "dose", "doses", "explosive", "explosives",
    "poison", "cocaine", "heroin", "knife", "rifle", "password", "hack", "malware", "bleach", "overdose",
    "noose", "razor",
    # tell-tale of synthetic answers
    "certainly", "absolutely", "important to note", "as an ai",
}  # fmt: skip

NAMES_AND_WORDS_WITH_A_CAPITAL = {
    "African",
    "Friday",
    "Fridays",
    "Latin",
    "Mondays",
    "Primitives",
    "Saturday",
    "Sunday",
    "Sundays",
    "I",
    "Unknown",
}


def words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text)


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!]) ", text)


def primary(instance: Instance) -> Domain:
    """The domain that an instance was written for: its id begins with it."""
    return domain_of_id(instance.id.rpartition("_")[0])


def test_every_named_domain_has_at_least_two_instances_of_its_own():
    written = Counter(primary(instance).id for instance in INSTANCES)
    assert [domain.id for name in DIMENSIONS for domain in domains(name) if written[domain.id] < 2] == []
    assert len(INSTANCES) >= 222


def test_every_instance_is_labeled_with_the_domain_that_it_was_written_for():
    assert [i.id for i in INSTANCES if primary(i).id not in i.domains(primary(i).dimension)] == []


def test_further_labels_are_of_the_other_dimensions():
    assert [i.id for i in INSTANCES if len(i.domains(primary(i).dimension)) != 1] == []


def test_they_follow_the_taxonomy_and_are_numbered():
    order = [domain.id for name in DIMENSIONS for domain in domains(name)]
    assert [i.id for i in INSTANCES] == [f"{domain}_{k}" for domain in order for k in (1, 2)]


def test_no_text_occurs_twice():
    assert [text for text, count in Counter(TEXTS).items() if count > 1] == []


def test_all_are_for_testing_and_written_for_misfire():
    assert {i.split for i in INSTANCES} == {"test"}
    assert {i.provenance for i in INSTANCES} == {"written by the misfire authors"}


def test_the_responses_of_an_instance_use_the_same_words_equally_often():
    def bag(text: str) -> Counter[str]:
        return Counter(word.lower() for word in words(text))

    assert [i.id for i in INSTANCES if bag(i.aligned) != bag(i.misaligned)] == []


def test_the_responses_of_an_instance_have_the_same_length_and_punctuation():
    def shape(text: str) -> tuple[int, Counter[str]]:
        return len(text), Counter(re.findall(r"[^\w\s]", text))

    assert [i.id for i in INSTANCES if shape(i.aligned) != shape(i.misaligned)] == []


def test_prompts_and_responses_are_short():
    assert [
        i.id for i in INSTANCES if not 12 <= len(words(i.prompt)) <= 50 or len(sentences(i.prompt)) > 4
    ] == []
    assert [
        i.id
        for i in INSTANCES
        for name in RESPONSE_NAMES
        if not 6 <= len(words(i.response(name))) <= 40 or len(sentences(i.response(name))) > 3
    ] == []


def test_texts_are_whole_sentences():
    assert [text for text in TEXTS if not re.fullmatch(r"[A-Z][^\n]*[.?]", text) or "  " in text] == []


def test_openings_vary():
    openings = Counter(" ".join(words(i.response(name))[:2]) for i in INSTANCES for name in RESPONSE_NAMES)
    assert [opening for opening, count in openings.items() if count > 0.05 * 2 * len(INSTANCES)] == []


def test_no_text_is_offensive_or_gives_instructions_for_harm():
    found = [
        (word, text)
        for text in TEXTS
        for word in NOT_WANTED
        if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)
    ]
    assert found == []


def test_no_person_is_named():
    capitals = {
        word.removesuffix("'s").strip("'")
        for text in TEXTS
        for sentence in sentences(text)
        for word in words(sentence)[1:]
        if word.strip("'")[:1].isupper()
    }
    assert capitals - NAMES_AND_WORDS_WITH_A_CAPITAL == set()


def test_the_file_is_what_the_writer_would_write(tmp_path: Path):
    write_instances(INSTANCES, tmp_path / "instances.jsonl")
    assert (tmp_path / "instances.jsonl").read_bytes() == EMBEDDED_INSTANCES.read_bytes()
