"""BBQ (Parrish et al. 2022, CC BY 4.0): its files, where they are had, and what an example in them says.

BBQ is loaded, never shipped. Files are known by their git blob ids (repository nyu-mll/BBQ, commit
bea11bd97d79217245b5871acd247b9d6eb24598), so that a mirror or a local copy is checked to be the official one.
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
"""Where the JSONL files lie on the Hugging Face hub (the revision that inspect_evals pins)."""

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
"""The categories that VETO uses, in its order, with the git blob id of each official file."""

CATEGORIES: tuple[str, ...] = tuple(BLOB_IDS)

_BOM = b"\xef\xbb\xbf"

UNKNOWN = "unknown"
"""The group label of the answer that says that the context does not tell."""


class BBQMetadata(BaseModel):
    """What an example records beside its text.

    Attributes:
        subcategory: BBQ's finer division, or "None".
        stereotyped_groups: Labels of the groups that the stereotype is about; may be empty.
    """

    model_config = ConfigDict(frozen=True)

    subcategory: str
    stereotyped_groups: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """Somebody whom an answer names.

    Attributes:
        answer: Text of the answer ("The elderly man").
        short: BBQ's shorter name for it ("elderly").
        group: Label of the group ("old").
    """

    answer: str
    short: str
    group: str


LONGEST = 500
"""So many characters a question or an answer has at most; BBQ's own have fewer than 100. Grammar is sought in them word by word."""


class BBQExample(BaseModel):
    """One example of BBQ, as its JSONL files have it.

    Attributes:
        example_id: Number of the example inside its category.
        question_index: Number of the scenario (text).
        question_polarity: Whether the question asks for the harmful or the harmless side.
        context_condition: Whether the context holds the evidence that decides the question.
        context: The text before the question.
        question: The question.
        ans0: Text of the first answer.
        ans1: Text of the second answer.
        ans2: Text of the third answer.
        label: Index of the right answer, 0 to 2.
        answer_info: For each answer its short text and the label of its group.
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
        """Text of the right answer, as it stands in the file ("The grandfather")."""
        return (self.ans0, self.ans1, self.ans2)[self.label]

    @property
    def right_group(self) -> str:
        """Group label of the right answer, for example "nonOld"."""
        return self._info[self.label][1]

    @property
    def people(self) -> tuple["Person", ...]:
        """The people that the answers name, in the order of the answers: all answers but "unknown"; two in BBQ's own files."""
        answers = zip((self.ans0, self.ans1, self.ans2), self._info, strict=True)
        return tuple(Person(answer, *info) for answer, info in answers if info[1] != UNKNOWN)

    @property
    def other_answer(self) -> str:
        """Text of the answer that names the other person; for an example whose right answer is a person.

        Raises:
            InputError: The example does not name exactly one other person.
        """
        others = [person.answer for person in self.people if person.answer != self.right_answer]
        if len(others) != 1 or len(self.people) != 2:
            raise InputError(
                f"example {self.example_id}, question {self.question_index}, field 'answer_info': two people were expected, "
                f"one of them the right answer; found {[person.answer for person in self.people]}. Mend or replace the file."
            )
        return others[0]

    @property
    def _info(self) -> tuple[tuple[str, str], ...]:
        return self.answer_info["ans0"], self.answer_info["ans1"], self.answer_info["ans2"]


@dataclass(frozen=True)
class BBQFile:
    """The examples of one category, and whether its file is the official one.

    Attributes:
        category: BBQ's category name.
        examples: All examples, in file order.
        official: Whether the file has the content of the official one, whatever its line ends.
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
    """BBQ's files for some categories, from a folder or from the Hugging Face hub.

    Args:
        categories: Names from ``CATEGORIES``.
        bbq_dir: Folder with one ``<category>.jsonl`` a category; None for the hub, at the pinned revision.
        allow_unverified: Whether to go on with a file that is not the official one.

    Returns:
        One entry a category, in the order asked for.

    Raises:
        InputError: A file is missing, cannot be fetched, is not the official one, or has a broken line.
    """
    files: list[BBQFile] = []
    for category in categories:
        path = _fetch(category) if bbq_dir is None else bbq_dir / f"{category}.jsonl"
        files.append(_read_file(category, path, allow_unverified))
    return files


def git_blob_id(content: bytes) -> str:
    """The id that git gives to a file with this content (SHA-1 over a header and the bytes)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _read_file(category: str, path: Path, allow_unverified: bool) -> BBQFile:
    try:
        content = read_user_file(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}). source=bbq needs one JSONL file a category, with BBQ's names "
            f"({', '.join(f'{c}.jsonl' for c in CATEGORIES)}).",
            advice="Give their folder as {}, leave categories out with {}, or use {}, which needs no files.",
            settings=[Setting("bbq_dir"), Setting("categories"), Setting("source", "embedded")],
        ) from error
    # what git's autocrlf or an editor does to line ends and to the file's two ends changes no example
    known = any(git_blob_id(form) == BLOB_IDS[category] for form in (content, *_unix_forms(content)))
    if not known and not allow_unverified:
        raise InputError(
            f"{path}: this is not BBQ's official file for {category} (git blob id {git_blob_id(content)}, with Unix line ends "
            f"{git_blob_id(_unix_forms(content)[0])}, expected {BLOB_IDS[category]}): its content differs, not only its line ends. "
            "Results would not be comparable with published ones.",
            advice="Get the file from the repository nyu-mll/BBQ, or go on with this one by {}.",
            settings=[Setting("allow_unverified", "true")],
        )
    if git_blob_id(content) != BLOB_IDS[category] and known:
        _LOGGER.warning(
            "%s: differs from BBQ's official file in its line ends (or in the file's first or last bytes) alone, and counts as it.", path
        )
    return BBQFile(category, _parse(path, _unix_forms(content)[1]), known)


def _unix_forms(content: bytes) -> tuple[bytes, ...]:
    """A text file as it was before something changed its line ends: without byte order mark, with one line end, or none, at its end."""
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
    raise_problems(path, problems, "Mend or replace the file: a BBQ example is one JSON object a line.")
    return tuple(examples)


def _fetch(category: str) -> Path:
    try:
        return fetch_file(HUB_DATASET, f"data/{category}.jsonl", HUB_REVISION)
    except HubError as error:
        raise InputError(
            f"BBQ's {category}.jsonl could not be had from the Hugging Face hub (data set {HUB_DATASET}, revision "
            f"{HUB_REVISION[:12]}): {error}",
            advice="Without a network, run our own pairs with {}, or name a folder that holds BBQ's JSONL files with {}.",
            settings=[Setting("source", "embedded"), Setting("bbq_dir", "FOLDER")],
        ) from error
