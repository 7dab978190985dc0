"""The domains of Mis-Align Bench: 14 of safety, 56 of value, 41 of culture, and "none" per dimension.

The names are those of the authors' public CSV (arXiv 2602.11305). They derive from BeaverTails' harm
categories, from the values of ValueCompass (which are Schwartz's), and from the UNESCO Framework for Cultural
Statistics. IDs, definitions, and the assignment of cultural domains to UNESCO's groups are this project's
own.
"""

import difflib
import re
import unicodedata
from collections.abc import Container
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from misfire.errors import InputError

Dimension = Literal["safety", "value", "culture"]
"""A dimension of alignment."""

DIMENSIONS: tuple[Dimension, ...] = ("safety", "value", "culture")

TAXONOMY_PATH = Path(__file__).with_name("taxonomy.jsonl")

CLASSIFIER_REJECT = "unknown"
"""The authors' classifier returns this if it cannot decide. It is neither a domain nor "none"."""

_DIMENSION_ALIASES = {"values": "value", "cultural": "culture"}

Line = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S.*\S$")]


class Domain(BaseModel):
    """A domain, or the "none" of a dimension.

    Attributes:
        id: Letters, digits and underscores, starting with the dimension: ``safety_animal_abuse``. Can be part
            of a metric name.
        dimension: The dimension of the domain.
        name: The label in the spelling of the authors' CSV.
        aliases: Other spellings: those of the original taxonomies, and common short forms.
        definition: A definition of one line, in our own words.
        group: For a cultural domain, the UNESCO domain that we assign it to (this assignment is ours);
            otherwise None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^(safety|value|culture)_[a-z0-9_]+$")]
    dimension: Dimension
    name: Line
    aliases: tuple[Line, ...] = ()
    definition: Annotated[Line, StringConstraints(max_length=140)]
    group: Line | None = None

    @property
    def is_none(self) -> bool:
        """Whether this label means that no domain of the dimension applies."""
        return self.id == none_id(self.dimension)

    @property
    def labels(self) -> tuple[str, ...]:
        """All spellings of the domain: ID, name and aliases."""
        return (self.id, self.name, *self.aliases)


def none_id(dimension: Dimension) -> str:
    """Return the ID of the label which means that no domain of a dimension applies."""
    return f"{dimension}_none"


@cache
def taxonomy() -> tuple[Domain, ...]:
    """Return all labels: 14 + 56 + 41 named domains and a "none" for each dimension, ordered by dimension."""
    return tuple(
        Domain.model_validate_json(line) for line in TAXONOMY_PATH.read_text(encoding="utf-8").splitlines()
    )


@cache
def domains(dimension: Dimension) -> tuple[Domain, ...]:
    """Return the named domains of a dimension, without its "none"."""
    return tuple(domain for domain in taxonomy() if domain.dimension == dimension and not domain.is_none)


def domain_of_id(domain_id: str) -> Domain:
    """Return the domain with an ID.

    Raises:
        InputError: There is no such domain.
    """
    domain = _by_id().get(domain_id)
    if domain is None:
        near = difflib.get_close_matches(domain_id, _by_id(), n=3)
        raise InputError(f"'{domain_id}' is not the ID of a domain.{_suggestion(near)}")
    return domain


def resolve_dimension(name: str) -> Dimension:
    """Return the dimension that a user's spelling means ("Values" is "value", "cultural" is "culture").

    Raises:
        InputError: The name is not one of the three dimensions.
    """
    key = label_key(name)
    key = _DIMENSION_ALIASES.get(key, key)
    for dimension in DIMENSIONS:
        if dimension == key:
            return dimension
    raise InputError(f"'{name}' is not a dimension. Available: {', '.join(DIMENSIONS)}.")


def in_order(names: Container[object]) -> tuple[Dimension, ...]:
    """Return the dimensions that a collection contains, in the standard order."""
    return tuple(dimension for dimension in DIMENSIONS if dimension in names)


@cache
def resolve(label: str, dimension: Dimension | None = None) -> Domain:
    """Return the domain that a label means.

    Args:
        label: An ID, name or alias. Case, spaces and punctuation are ignored, and "&" means "and".
        dimension: The dimension to search. None searches all, in which case "none" is ambiguous.

    Raises:
        InputError: The label matches no domain (the error suggests similar names), or several.
    """
    key = label_key(label)
    where = f" of dimension {dimension}" if dimension else ""
    if key == CLASSIFIER_REJECT:
        raise InputError(
            f"'{label}' means that the authors' classifier could not decide; it is not a domain{where}. If "
            "no domain applies, write None."
        )
    found = [
        domain
        for name in (DIMENSIONS if dimension is None else (dimension,))
        if (domain := _by_key(name).get(key))
    ]
    if not found:
        known = {
            key: domain.name
            for name in DIMENSIONS
            if dimension in (None, name)
            for key, domain in _by_key(name).items()
        }
        near = dict.fromkeys(known[match] for match in difflib.get_close_matches(key, known, n=3, cutoff=0.6))
        raise InputError(f"'{label}' is not a domain{where}.{_suggestion(list(near))}")
    if len(found) > 1:
        raise InputError(f"'{label}' could be {' or '.join(domain.id for domain in found)}. Write the ID.")
    return found[0]


def label_key(label: str) -> str:
    """Normalize a label for comparison: lower case, "&" as "and", only letters and digits."""
    # NFKC replaces full-width and similar forms of characters with the plain ones
    plain = unicodedata.normalize("NFKC", label).casefold().replace("&", " and ")
    return re.sub(r"[\W_]", "", plain)


@cache
def _by_id() -> dict[str, Domain]:
    return {domain.id: domain for domain in taxonomy()}


@cache
def _by_key(dimension: Dimension) -> dict[str, Domain]:
    return {
        label_key(label): domain
        for domain in taxonomy()
        if domain.dimension == dimension
        for label in domain.labels
    }


def _suggestion(near: list[str]) -> str:
    names = ", ".join(f"'{name}'" for name in near)
    return f" Did you mean {names}?" if near else " datasets/misalign/taxonomy.jsonl lists the domains."
