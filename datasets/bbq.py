"""Read BBQ (Parrish et al. 2022, CC BY 4.0) and describe its examples.

BBQ is downloaded and is not part of this package. Its files are identified by their git blob IDs (repository
nyu-mll/BBQ, commit bea11bd97d79217245b5871acd247b9d6eb24598), so that a mirror or a local copy can be
verified.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from misfire.datasets.hub import HubError, fetch_file
from misfire.datasets.record_errors import first_problem, raise_problems
from misfire.datasets.user_files import read_user_file
from misfire.errors import InputError, Setting

_LOGGER = logging.getLogger(__name__)

HUB_DATASET = "heegyu/bbq"
HUB_REVISION = "5d6faae52070aa5eb71b46d1c0723d3ba7930209"
"""Revision of the Hugging Face dataset that holds the JSONL files (the one that inspect_evals pins)."""

BLOB_IDS: dict[str, str] = {
    "Age": "5c5e7586163b869fe029e77e63716f2026e4ae08",
    "Gender_identity": "dc79ceaaa9e7126edc99a200d632899c50274b16",
    "Religion": "44c1940ee22f00891ab4a5526a293691957aeacb",
    "Sexual_orientation": "a06351f4dd67ba30632396eeb0c3677c67b7d387",
    "SES": "78d11ffbdb70f501617345e5c697d00045d57c29",
    "Disability_status": "9aedeccaf599299cdfa523531d625ae85ecb9131",
    "Race_ethnicity": "68daf3d692b27a10596772b3b15742b26f0b110e",
    "Physical_appearance": "8cbdf83265459083224e3a2d37809294ff12ad77",
}
"""The categories that VETO uses, in its order, and the git blob ID of each official file."""

CATEGORIES: tuple[str, ...] = tuple(BLOB_IDS)

_BOM = b"\xef\xbb\xbf"

UNKNOWN = "unknown"
"""Group label of the answer which says that the context does not give the information."""


class BBQMetadata(BaseModel):
    """The metadata of an example.

    Attributes:
        subcategory: BBQ's subcategory, or "None".
        stereotyped_groups: Labels of the groups that the stereotype is about. May be empty.
    """

    model_config = ConfigDict(frozen=True)

    subcategory: str
    stereotyped_groups: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """A person that an answer names.

    Attributes:
        answer: Text of the answer ("The elderly man").
        short: BBQ's short form of it ("elderly").
        group: Label of the person's group ("old").
    """

    answer: str
    short: str
    group: str


LONGEST = 500
"""Maximum number of characters in a question or an answer. BBQ's own have fewer than 100. The limit bounds
the cost of the grammar rules."""


class BBQExample(BaseModel):
    """One example of BBQ, with the fields of its JSONL files.

    Attributes:
        example_id: Number of the example within its category.
        question_index: Number of the scenario, as text.
        question_polarity: Whether the question asks for the harmful ("neg") or the harmless ("nonneg") side.
        context_condition: Whether the context contains the evidence that decides the question.
        context: The text before the question.
        question: The question.
        ans0: Text of the first answer.
        ans1: Text of the second answer.
        ans2: Text of the third answer.
        label: Index of the correct answer, 0 to 2.
        answer_info: Short text and group label of each answer.
        additional_metadata: Subcategory and stereotyped groups.
    """

    model_config = ConfigDict(frozen=True)

    example_id: int
    question_index: str = Field(pattern=r"^\d+$")
    question_polarity: Literal["neg", "nonneg"]
    context_condition: Literal["ambig", "disambig"]
    context: str = Field(min_length=1)
    question: str = Field(min_length=1, max_length=LONGEST)
    ans0: str = Field(min_length=1, max_length=LONGEST)
    ans1: str = Field(min_length=1, max_length=LONGEST)
    ans2: str = Field(min_length=1, max_length=LONGEST)
    label: Literal[0, 1, 2]
    answer_info: dict[Literal["ans0", "ans1", "ans2"], tuple[str, str]] = Field(min_length=3)
    additional_metadata: BBQMetadata

    @property
    def right_answer(self) -> str:
        """Text of the correct answer, as it appears in the file ("The grandfather")."""
        return (self.ans0, self.ans1, self.ans2)[self.label]

    @property
    def right_group(self) -> str:
        """Group label of the correct answer, for example "nonOld"."""
        return self._info[self.label][1]

    @property
    def people(self) -> tuple["Person", ...]:
        """The people that the answers name, in the order of the answers, without "unknown".

        BBQ's own examples name two people.
        """
        answers = zip((self.ans0, self.ans1, self.ans2), self._info, strict=True)
        return tuple(Person(answer, *info) for answer, info in answers if info[1] != UNKNOWN)

    @property
    def other_answer(self) -> str:
        """Text of the answer that names the other person, for an example whose correct answer is a person.

        Raises:
            InputError: The example does not name exactly one other person.
        """
        others = [person.answer for person in self.people if person.answer != self.right_answer]
        if len(others) != 1 or len(self.people) != 2:
            raise InputError(
                f"example {self.example_id}, question {self.question_index}, field 'answer_info': expected "
                "two people, one of them the correct answer, but found "
                f"{[person.answer for person in self.people]}. Correct or replace the file."
            )
        return others[0]

    @property
    def _info(self) -> tuple[tuple[str, str], ...]:
        return self.answer_info["ans0"], self.answer_info["ans1"], self.answer_info["ans2"]


@dataclass(frozen=True)
class BBQFile:
    """The examples of one category.

    Attributes:
        category: BBQ's name of the category.
        examples: All examples, in file order.
        official: Whether the content is that of the official file; line endings do not matter.
    """

    category: str
    examples: tuple[BBQExample, ...]
    official: bool


def read_bbq(
    categories: Sequence[str] = CATEGORIES,
    *,
    bbq_dir: Path | None = None,
    allow_unverified: bool = False,
) -> list[BBQFile]:
    """Read BBQ's files for some categories, from a folder or from the Hugging Face Hub.

    Args:
        categories: Names from ``CATEGORIES``.
        bbq_dir: Folder with one file ``<category>.jsonl`` per category. None downloads the pinned revision
            from the Hub.
        allow_unverified: Whether to accept a file that is not the official one.

    Returns:
        One entry per category, in the order of ``categories``.

    Raises:
        InputError: A file is missing, cannot be downloaded, is not the official one, or contains an invalid
            line.
    """
    files: list[BBQFile] = []
    for category in categories:
        path = _fetch(category) if bbq_dir is None else bbq_dir / f"{category}.jsonl"
        files.append(_read_file(category, path, allow_unverified))
    return files


def git_blob_id(content: bytes) -> str:
    """Return the ID that git gives to a file with this content (SHA-1 over a header and the bytes)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _read_file(category: str, path: Path, allow_unverified: bool) -> BBQFile:
    try:
        content = read_user_file(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}). source=bbq needs one JSONL file per category, with "
            f"BBQ's file names ({', '.join(f'{c}.jsonl' for c in CATEGORIES)}).",
            advice=(
                "Pass their folder with {}, select fewer categories with {}, or use {}, which needs no files."
            ),
            settings=[Setting("bbq_dir"), Setting("categories"), Setting("source", "embedded")],
        ) from error
    # git's autocrlf and editors may change line endings, the byte order mark and the final line ending; none
    # of these changes an example
    known = any(git_blob_id(form) == BLOB_IDS[category] for form in (content, *_unix_forms(content)))
    if not known and not allow_unverified:
        raise InputError(
            f"{path}: this is not BBQ's official file for {category} (git blob ID {git_blob_id(content)}, "
            f"with Unix line endings {git_blob_id(_unix_forms(content)[0])}, expected "
            f"{BLOB_IDS[category]}): its content differs, not only its line endings. Results would not be "
            "comparable with published results.",
            advice="Download the file from the repository nyu-mll/BBQ, or accept this one with {}.",
            settings=[Setting("allow_unverified", "true")],
        )
    if git_blob_id(content) != BLOB_IDS[category] and known:
        _LOGGER.warning(
            "%s: differs from BBQ's official file only in its line endings or byte order mark, and is "
            "accepted as official.",
            path,
        )
    return BBQFile(category, _parse(path, _unix_forms(content)[1]), known)


def _unix_forms(content: bytes) -> tuple[bytes, ...]:
    """Return the content with Unix line endings and without byte order mark, in two forms.

    The first form has one line ending at the end, the second has none.
    """
    lines = content.removeprefix(_BOM).replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")
    return lines + b"\n", lines


def _parse(path: Path, content: bytes) -> tuple[BBQExample, ...]:
    examples: list[BBQExample] = []
    problems: list[str] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            examples.append(BBQExample.model_validate_json(line))
        except ValidationError as error:
            problems.append(f"line {number}, {first_problem(error)}")
    raise_problems(
        path, problems, "Correct or replace the file. Each line must hold one BBQ example as a JSON object."
    )
    return tuple(examples)


def _fetch(category: str) -> Path:
    try:
        return fetch_file(HUB_DATASET, f"data/{category}.jsonl", HUB_REVISION)
    except HubError as error:
        raise InputError(
            f"BBQ's {category}.jsonl could not be downloaded from the Hugging Face Hub (dataset "
            f"{HUB_DATASET}, revision {HUB_REVISION[:12]}): {error}",
            advice=(
                "To work without a network, use the embedded pairs with {}, or pass a folder that "
                "contains BBQ's JSONL files with {}."
            ),
            settings=[Setting("source", "embedded"), Setting("bbq_dir", "FOLDER")],
        ) from error
