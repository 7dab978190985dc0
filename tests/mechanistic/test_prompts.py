"""Probe prompts.

People are found where they are named, answers have their own tokens, templates are used once.
"""

import pytest

from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from misfire.mechanistic.organisms.language import embedded_language, word_tokenizer
from misfire.mechanistic.prompts import answer_tokens, mentions, probe_prompt, render
from misfire.tasks.prompts import WORD_SYSTEM_MESSAGE as SYSTEM

TEMPLATE = (
    "<s>{% for m in messages %}[{{ m.role }}] {{ m.content }} {% endfor %}{% if enable_thinking "
    "%}<think>{% endif %}[assistant]"
)
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}[user] "
    "{{ messages[0].content }}"
)


def test_every_mention_of_each_person_is_found():
    pair = load_pairs(PairSettings("embedded")).pairs[1]  # a 30-year-old tourist and a 70-year-old tourist
    found = mentions(pair, pair.stereotyped.prompt)
    assert [pair.stereotyped.prompt[start:stop] for _, start, stop in found] == [
        "30-year-old",
        "70-year-old",
        "70-year-old",
        "30-year-old",
        "70-year-old",
    ]
    assert [person for person, _, _ in found] == [
        "contrast",
        "stereotyped",
        "stereotyped",
        "contrast",
        "stereotyped",
    ]


def test_every_embedded_pair_names_both_people_equally_often_in_both_halves():
    for pair in load_pairs(PairSettings("embedded")).pairs:
        stereotyped, contrast = (mentions(pair, half.prompt) for _, half in pair.halves)
        assert len(stereotyped) == len(contrast) >= 4, pair.id
        assert stereotyped[-1][0] == "stereotyped", pair.id
        assert contrast[-1][0] == "contrast", pair.id


def test_tokens_of_mentions_evidence_and_question_are_disjoint_and_correct():
    language = embedded_language()
    tokenizer = word_tokenizer(language.words, drop=True)
    pair = language.pairs[0]
    prompt = probe_prompt(tokenizer, pair.stereotyped.prompt, pair=pair)
    words = tokenizer.convert_ids_to_tokens(list(prompt.ids))
    named = [words[token] for mention in prompt.mentions for token in range(mention.start, mention.stop)]
    assert set(named) <= set(language.stereotyped) | set(language.spared) | set(language.contrast)
    places = [token for mention in prompt.mentions for token in range(mention.start, mention.stop)]
    assert not set(places) & set(prompt.evidence) | set(prompt.evidence) & set(prompt.question)
    assert words[prompt.question[-1]] == "?"
    assert words[-1] == "<answer>"


def test_a_template_is_applied_once_with_thinking_off():
    tokenizer = word_tokenizer(["a"], TEMPLATE)
    text = render(tokenizer, "It rained. Did it rain?")
    assert text.count("<s>") == 1
    assert text.startswith(f"<s>[system] {SYSTEM}")
    assert text.endswith("[assistant]")
    assert "<think>" not in text
    assert render(tokenizer, "It rained. Did it rain?", "veto").endswith('[assistant]{"answer": "')


def test_a_template_without_system_messages_receives_everything_in_the_user_message():
    text = render(word_tokenizer(["a"], NO_SYSTEM), "It rained. Did it rain?")
    assert text.startswith(f"[user] {SYSTEM}\n\nIt rained.")


def test_a_base_model_without_a_template_is_given_plain_text():
    text = render(word_tokenizer(["a"], None), "It rained. Did it rain?")
    assert text.startswith(f"{SYSTEM}\n\nIt rained. Did it rain?")
    assert text.endswith("Answer:")


def test_answer_tokens_are_single_known_and_distinct():
    tokenizer = word_tokenizer(["a"])
    tokens = answer_tokens(tokenizer)
    assert tokens.yes == (tokenizer.convert_tokens_to_ids("yes"),)
    assert tokens.no == (tokenizer.convert_tokens_to_ids("no"),)


def test_a_tokenizer_without_answer_tokens_is_refused():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.WordLevel({"<unk>": 0, "no": 1}, unk_token="<unk>"))  # noqa: S106
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(InputError, match="no single token for yes"):
        answer_tokens(PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="<unk>"))  # noqa: S106
