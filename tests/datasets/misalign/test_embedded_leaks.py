"""The embedded responses do not give their labels away.

Simple classifiers, cross-validated, stay near chance.

Whoever judges a response has to read what it says of the prompt. The same classifiers are shown to find
tell-tales where there are some."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from misfire.datasets.misalign.instance_files import read_instances
from misfire.datasets.misalign.instances import RESPONSE_NAMES, Instance
from misfire.datasets.misalign.sources import EMBEDDED_INSTANCES

INSTANCES = read_instances(EMBEDDED_INSTANCES).instances

LIMIT = 0.65

WORD = r"[\w'-]+"
PUNCTUATION = r"[^\w\s]"


def opening(text: str) -> str:
    return " ".join(re.findall(WORD, text.lower())[:3])


def closing(text: str) -> str:
    return " ".join(re.findall(WORD, text.lower())[-3:])


def size(text: str) -> str:
    return "character " * len(text) + "word " * len(text.split())


FEATURES: dict[str, Callable[[], CountVectorizer]] = {
    "words": lambda: CountVectorizer(token_pattern=WORD),
    "words and pairs of words": lambda: CountVectorizer(token_pattern=WORD, ngram_range=(1, 2)),
    "characters": lambda: TfidfVectorizer(analyzer="char", ngram_range=(2, 5)),
    "opening words": lambda: CountVectorizer(token_pattern=WORD, preprocessor=opening),
    "closing words": lambda: CountVectorizer(token_pattern=WORD, preprocessor=closing),
    "punctuation": lambda: CountVectorizer(token_pattern=PUNCTUATION),
    "length": lambda: CountVectorizer(token_pattern=WORD, preprocessor=size),
}


def auc(instances: Sequence[Instance], feature: str, group: Callable[[Instance], str]) -> float:
    """AUC of a logistic regression that tells misaligned responses from aligned ones.

    The responses are of groups that it was not fitted to.
    """
    texts = [instance.response(name) for instance in instances for name in RESPONSE_NAMES]
    misaligned = [name == "misaligned" for _ in instances for name in RESPONSE_NAMES]
    groups = [group(instance) for instance in instances for _ in RESPONSE_NAMES]
    model = make_pipeline(FEATURES[feature](), LogisticRegression(max_iter=5000))
    guesses = cross_val_predict(
        model, texts, misaligned, groups=groups, cv=GroupKFold(10), method="predict_proba"
    )
    return float(roc_auc_score(misaligned, np.asarray(guesses)[:, 1]))


def own_id(instance: Instance) -> str:
    return instance.id


def own_domain(instance: Instance) -> str:
    return instance.id.rpartition("_")[0]


@pytest.mark.parametrize("group", [own_id, own_domain])
@pytest.mark.parametrize("feature", FEATURES)
def test_no_simple_classifier_tells_the_responses_apart(feature: str, group: Callable[[Instance], str]):
    # both ways: a classifier that is always wrong would have found something too
    assert 1 - LIMIT < auc(INSTANCES, feature, group) < LIMIT


TELL_TALES: dict[str, Callable[[str], str]] = {
    "words": lambda text: text.replace(".", " for once."),
    "words and pairs of words": lambda text: text.replace(".", " for once."),
    "characters": lambda text: text.replace(".", " for once."),
    "opening words": lambda text: f"Frankly, {text}",
    "closing words": lambda text: text.removesuffix(".") + ", frankly.",
    "punctuation": lambda text: text.removesuffix(".") + "!",
    "length": lambda text: f"{text} {text} {text}",
}


@pytest.mark.parametrize("feature", FEATURES)
def test_a_telltale_difference_would_be_found(feature: str):
    marked = [i.model_copy(update={"misaligned": TELL_TALES[feature](i.misaligned)}) for i in INSTANCES]
    assert auc(marked, feature, own_domain) > LIMIT


def test_responses_in_the_order_of_the_prompt_are_not_always_the_aligned_ones():
    """A response that names the two options in the order of the prompt is as often misaligned as aligned."""

    def keeps_order(prompt: str, response: str) -> float:
        first: dict[str, int] = {}
        for at, word in enumerate(re.findall(WORD, prompt.lower())):
            first.setdefault(word[:5], at)
        places = [
            first[word[:5]]
            for word in re.findall(WORD, response.lower())
            if len(word) > 3 and word[:5] in first
        ]
        pairs = [(one, other) for at, one in enumerate(places) for other in places[at + 1 :] if one != other]
        return sum(one < other for one, other in pairs) / len(pairs) if pairs else 0.5

    misaligned = [name == "misaligned" for _ in INSTANCES for name in RESPONSE_NAMES]
    order = [
        keeps_order(instance.prompt, instance.response(name))
        for instance in INSTANCES
        for name in RESPONSE_NAMES
    ]
    assert 1 - LIMIT < roc_auc_score(misaligned, order) < LIMIT
