"""The error for input that cannot be used is text that any terminal can show."""

from misfire.errors import LONGEST_LINE, InputError


def test_what_it_quotes_cannot_act_on_a_terminal():
    error = InputError("pairs.jsonl: bad\n  field '\x1b]0;x\x07\u202e\r'")
    assert str(error) == "pairs.jsonl: bad\n  field '\\x1b]0;x\\x07\\u202e\\r'"


def test_a_line_that_quotes_very_much_keeps_its_ends():
    told = str(InputError(f"file: {'x' * 100_000}\nsecond line: mend it"))
    first, second = told.split("\n")
    assert len(first) < LONGEST_LINE + 100
    assert first.startswith("file: xxx")
    assert first.endswith("xxx")
    assert second == "second line: mend it"
