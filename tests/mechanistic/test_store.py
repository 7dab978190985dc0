"""What an earlier run left is taken, or refused in words."""

from pathlib import Path

import pandas as pd
import pytest

from misfire.errors import InputError
from misfire.mechanistic.store import Store

FRAME = pd.DataFrame({"k": [1, 2]})


def test_a_piece_that_is_broken_is_told_with_its_file(tmp_path: Path):
    Store(tmp_path, {"run": 1}, resume=False).frame("heads", lambda: FRAME)
    (piece,) = (tmp_path / "pieces").iterdir()
    whole = piece.read_bytes()
    for content in (b"", b"PAR1" * 9, whole[:-40], whole.replace(b"PAR1", b"PAR2")):
        piece.write_bytes(content)
        with pytest.raises(InputError, match=r"heads-\w+\.parquet: is broken .*Remove it and say --resume"):
            Store(tmp_path, {"run": 1}, resume=True).frame("heads", lambda: FRAME)
    piece.unlink()
    assert Store(tmp_path, {"run": 1}, resume=True).frame("heads", lambda: FRAME).equals(FRAME)


def test_settings_that_are_no_text_are_those_of_another_run(tmp_path: Path):
    (tmp_path / "settings.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="holds a run of another model"):
        Store(tmp_path, {"run": 1}, resume=True)
