"""The metadata is valid, and leads to the rows."""

import json

import pytest

from misfire.savacu.build import Build

from .reading import rows


def test_croissant_is_valid_and_its_rows_can_be_read(build: Build):
    mlc = pytest.importorskip("mlcroissant")
    path = build.folder / "dataset" / "croissant.json"
    dataset = mlc.Dataset(jsonld=str(path))
    assert not dataset.metadata.issues.errors
    metadata = json.loads(path.read_text(encoding="utf-8"))
    prompts = {
        record[f"{record_set['@id']}/prompt"].decode()
        for record_set in metadata["recordSet"]
        for record in dataset.records(record_set["@id"])
    }
    assert prompts == {row["prompt"] for row in rows(build)}
