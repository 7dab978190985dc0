"""What an earlier run left is taken as it was written, or computed again; it is never taken changed."""

import random
from pathlib import Path

import pandas as pd
import pytest

from misfire.errors import InputError
from misfire.mechanistic.store import Store

FRAME = pd.DataFrame(
    {"pair": [f"age_q{k}_p{k}" for k in range(20)], "layer": range(20), "delta": [k / 7 for k in range(20)]}
)


def only_piece(folder: Path) -> Path:
    (piece,) = (folder / "pieces").iterdir()
    return piece


def test_a_finished_piece_is_not_computed_again(tmp_path: Path):
    Store(tmp_path, {"run": 1}, resume=False).frame("heads", lambda: FRAME)
    again = Store(tmp_path, {"run": 1}, resume=True)
    assert again.frame("heads", lambda: pytest.fail("it was computed again")).equals(FRAME)
    assert again.made == 0
    assert not again.harmed


def test_a_flipped_bit_anywhere_in_a_piece_is_detected(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    # given a piece of a finished run
    Store(tmp_path, {"run": 1}, resume=False).frame("heads", lambda: FRAME)
    whole = only_piece(tmp_path).read_bytes()
    name = only_piece(tmp_path).name
    draw = random.Random(1)
    bits = draw.sample(range(8 * len(whole)), 600)
    for bit in bits:
        # when one bit of it flips
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        only_piece(tmp_path).write_bytes(changed)
        caplog.clear()
        store = Store(tmp_path, {"run": 1}, resume=True)
        # then the file is named, the piece computed again, and the file mended
        assert store.frame("heads", lambda: FRAME).equals(FRAME)
        assert (store.made, [file.name for file in store.harmed]) == (1, [name])
        assert name in caplog.text
        assert only_piece(tmp_path).read_bytes() == whole


@pytest.mark.parametrize("keep", [0, 9, -40, -1])
def test_a_truncated_piece_is_computed_again(tmp_path: Path, keep: int):
    Store(tmp_path, {"run": 1}, resume=False).frame("heads", lambda: FRAME)
    piece = only_piece(tmp_path)
    piece.write_bytes(piece.read_bytes()[:keep])
    store = Store(tmp_path, {"run": 1}, resume=True)
    assert store.frame("heads", lambda: FRAME).equals(FRAME)
    assert store.made == 1


def test_pieces_with_similar_names_are_kept_apart(tmp_path: Path):
    store = Store(tmp_path, {"run": 1}, resume=False)
    for name in ("lens", "lens-base", "heads-L1", "heads-L11", "heads-[1]"):
        store.frame(name, lambda name=name: FRAME.assign(name=name))
    again = Store(tmp_path, {"run": 1}, resume=True)
    for name in ("lens", "lens-base", "heads-L1", "heads-L11", "heads-[1]"):
        assert set(again.frame(name, lambda: FRAME)["name"]) == {name}
    assert again.made == 0


def test_settings_that_are_not_text_belong_to_another_run(tmp_path: Path):
    (tmp_path / "settings.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="holds a run of another model"):
        Store(tmp_path, {"run": 1}, resume=True)
