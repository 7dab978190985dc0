"""Reads what was published."""

import pyarrow.parquet as pq

from misfire.savacu.build import Build


def rows(build: Build) -> list[dict[str, object]]:
    return [
        row
        for path in sorted((build.folder / "dataset" / "data").iterdir())
        for row in pq.read_table(path).to_pylist()
    ]
