"""The error for input that cannot be used is text that any terminal can show."""

from misfire.errors import LONGEST_LINE, InputError, Setting, as_option


def test_quoted_text_cannot_act_on_a_terminal():
    error = InputError("pairs.jsonl: bad\n  field '\x1b]0;x\x07\u202e\r'")
    assert str(error) == "pairs.jsonl: bad\n  field '\\x1b]0;x\\x07\\u202e\\r'"


def test_a_very_long_line_keeps_its_start_and_end():
    message = str(InputError(f"file: {'x' * 100_000}\nsecond line: mend it"))
    first, second = message.split("\n")
    assert len(first) < LONGEST_LINE + 100
    assert first.startswith("file: xxx")
    assert first.endswith("xxx")
    assert second == "second line: mend it"


class TestAdvice:
    ERROR = InputError(
        "{pairs}.jsonl: is not official.",
        parameter="allow_unverified",
        advice="Go on by {}, or name {}.",
        settings=[Setting("allow_unverified", "true"), Setting("bbq_dir", "FOLDER")],
    )

    def test_inspect_shows_settings_as_task_parameters(self):
        assert (
            str(self.ERROR)
            == "{pairs}.jsonl: is not official. Go on by -T allow_unverified=true, or name -T bbq_dir=FOLDER."
        )

    def test_the_command_shows_them_as_options(self):
        assert (
            self.ERROR.written(as_option)
            == "{pairs}.jsonl: is not official. Go on by --allow-unverified, or name --bbq-dir FOLDER."
        )

    def test_the_parameter_is_a_field(self):
        assert self.ERROR.parameter == "allow_unverified"
