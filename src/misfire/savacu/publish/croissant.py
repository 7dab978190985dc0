"""Writes Croissant metadata (MLCommons, 1.0), which describes the files and columns of the data set."""

from collections.abc import Mapping, Sequence
from typing import Any

from misfire.datasets.misalign.instances import Split
from misfire.savacu.calls import Record

_TYPES = {"text": "sc:Text", "list": "sc:Text", "int": "sc:Integer", "float": "sc:Float"}

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


class FileEntry(Record):
    """A Parquet file of the data set.

    Attributes:
        name: Path within the data set.
        split: The split.
        rows: Number of rows.
        bytes: Size in bytes.
        sha256: SHA-256 hash of the content.
    """

    name: str
    split: Split
    rows: int
    bytes: int
    sha256: str


def croissant(
    name: str,
    licence: str,
    repository: str | None,
    version: str,
    files: Sequence[FileEntry],
    columns: Mapping[str, str],
    kinds: Mapping[str, str],
) -> dict[str, Any]:
    """Make the metadata of a data set.

    Args:
        name: Name of the data set.
        licence: Its license, as an identifier of the Hugging Face Hub.
        repository: Its name on the Hub, with its owner; None if it is not on the Hub.
        version: The hash of the recipe, which identifies this version of the data set.
        files: The Parquet files.
        columns: The columns with their descriptions.
        kinds: The types of the columns: text, list (of text), int, or float.

    Returns:
        JSON-LD.
    """
    record_sets = [
        {
            "@type": "cr:RecordSet",
            "@id": f"{split}_{at}",
            "name": f"{split}_{at}",
            "description": f"Instances of the split {split}, file {at + 1}.",
            "field": [
                _field(f"{split}_{at}", file.name, column, meaning, kinds[column])
                for column, meaning in columns.items()
            ],
        }
        for split in dict.fromkeys(file.split for file in files)
        for at, file in enumerate([each for each in files if each.split == split])
    ]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": (
            "Prompts with an aligned and a misaligned response, and the safety, value and "
            "cultural domains that they touch."
        ),
        "license": licence,
        **({"url": f"https://huggingface.co/datasets/{repository}"} if repository else {}),
        "version": f"1.0.0+{version[:12]}",
        "citeAs": "misfire savacu; after SaVaCu, arXiv 2602.11305",
        "distribution": [_file_object(file) for file in files],
        "recordSet": record_sets,
    }


def _file_object(file: FileEntry) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "contentUrl": file.name,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": "application/x-parquet",
        "sha256": file.sha256,
    }


def _field(record_set: str, file: str, column: str, meaning: str, kind: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column}",
        "name": column,
        "description": meaning,
        "dataType": _TYPES[kind],
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    }
    return field | ({"repeated": True} if kind == "list" else {})
