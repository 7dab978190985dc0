"""Keys and passwords in a run's arguments and errors stay secret.

They stand in no file of a report, in no frame and in no message.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import GenerateConfig

from misfire.cli.main import main
from misfire.reports import read_results
from misfire.reports.logs.run_labels import shown_value
from misfire.reports.logs.secrets import HIDDEN, hidden_values, without_secrets
from misfire.tasks.veto import veto

from .conftest import make_log

PLANTED = "Tr0ub4dorNUMBER"

GIVEN = [
    {"endpoint": f"https://host/v1?api_key={PLANTED}"},
    {"endpoint": f"https://blob.host/x?sv=2024&sig={PLANTED}%3D"},
    {"endpoint": f"https://user:{PLANTED}@host/v1"},
    {"headers": ["Accept: text", f"Authorization: Bearer {PLANTED}"]},
    {"client_args": {"extra_body": {"user": {"pass": PLANTED}}}},
    {"heads": f"Bearer {PLANTED}"},
    {"seed": f"https://host/?key={PLANTED}"},
    {"device": {"api_key": PLANTED}},
    {"quantization": {"inner": [{"x-auth-token": PLANTED}]}},
    {"layers": [f"Authorization: {PLANTED}"]},
    {"dtype": f"password={PLANTED}"},
    {"device": PLANTED},
    {"quantization": {"kind": PLANTED}},
    {"heads": ["L1H2", PLANTED]},
    {"anything": PLANTED},
    {"api_key": PLANTED},
]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(
        make_log(
            veto(source="embedded", pairs=4), "one", tmp_path_factory.mktemp("log"), planted={"mar": 0.9}
        )
    )


def two_runs(log: Path, folder: Path, given: dict[str, object], name: str = "") -> None:
    """Two runs that differ in a secret alone."""
    for number in "12":
        copy: EvalLog = read_eval_log(str(log))
        copy.eval.task_id = copy.eval.eval_id = f"{name}{number}"
        copy.eval.model_args = json.loads(json.dumps(given).replace("NUMBER", number))
        write_eval_log(copy, str(folder / f"{name}{number}.eval"))


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: next(iter(given)))
def test_no_result_has_a_secret_and_runs_still_differ(log: Path, tmp_path: Path, given: dict[str, object]):
    two_runs(log, tmp_path, given)
    results = read_results(tmp_path)
    assert "Tr0ub4dor" not in str(results.run_set)
    assert len({run.label for run in results.run_set.runs}) == 2


@pytest.mark.parametrize("first", range(4))
def test_no_file_of_a_report_holds_a_secret(log: Path, tmp_path: Path, first: int):
    # given a report of several runs with a secret each (drawing one for each kind of secret takes long)
    (tmp_path / "logs").mkdir()
    for index, given in enumerate(GIVEN[first::4]):
        two_runs(log, tmp_path / "logs", given, f"{index}-")
    done = CliRunner().invoke(
        main,
        [
            "report",
            str(tmp_path / "logs"),
            "--out",
            str(tmp_path / "out"),
            "--format",
            "md,csv,tex,json,html",
        ],
    )
    assert done.exit_code == 0, done.output
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) > 15
    for text in (done.output, *(path.read_text(errors="replace") for path in files)):
        assert "Tr0ub4dor" not in text


def test_options_of_generation_that_may_hold_anything_are_hashed(log: Path, tmp_path: Path):
    for number in "12":
        copy = read_eval_log(str(log))
        copy.eval.task_id = copy.eval.eval_id = number
        body = {"token": PLANTED.replace("NUMBER", number)}
        copy.eval.model_generate_config = GenerateConfig(
            extra_body=body, system_message=f"You know {PLANTED}.", extra_headers=body
        )
        write_eval_log(copy, str(tmp_path / f"{number}.eval"))
    labels = {run.label for run in read_results(tmp_path).run_set.runs}
    assert len(labels) == 2
    assert all("extra_body=#" in label and "Tr0ub4dor" not in label for label in labels)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("mar", 0.1, "0.1"),
        ("heads", ["L18H0", "L10H2"], "['L18H0', 'L10H2']"),
        ("device", "cuda:0", "cuda:0"),
        ("device", "mps", "mps"),
        ("torch_dtype", "torch.bfloat16", "torch.bfloat16"),
        ("cue_mar", "published:0.37,neutral:0.12", "published:0.37,neutral:0.12"),
        ("layers", "0-3", "0-3"),
        ("temperature", "1e-05", "1e-05"),
        ("intervention", "runs/a b/removed.safetensors", "runs/a b/removed.safetensors"),
        ("grader", "openai/gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini-2024-07-18"),
    ],
)
def test_values_known_to_be_harmless_are_shown(name: str, value: object, shown: str):
    assert shown_value(name, value) == shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("endpoint", "x"),
            ("mar", "sk-abcdefgh"),
            ("device", "a" * 40),
            ("layers", "u@h"),
            ("device", "AKIAABCD"),
        ),
        # no name of a secret, and no look of one: only that it is no known word tells
        *(("device", "hunter2hunter2"), ("mar", "swordfish"), ("heads", "L1H2,swordfish")),
    ],
)
def test_other_values_become_a_short_hash_that_distinguishes_them(name: str, value: str):
    shown = shown_value(name, value)
    assert shown.startswith("#")
    assert len(shown) == 9
    assert shown == shown_value(name, value) != shown_value(name, value + "1")


def test_the_error_of_a_sample_shows_no_secret(log: Path, tmp_path: Path):
    from inspect_ai.log import EvalError

    copy = read_eval_log(str(log))
    assert copy.samples
    copy.eval.model_args = {"headers": {"X-Gate": PLANTED}}
    said = (
        f"401 for https://u:pw1@host/v1?sig=abc123 with {{'X-Gate': '{PLANTED}'}}, Authorization: "
        "Bearer abc.def"
    )
    copy.samples[0].error = EvalError(message=said, traceback="", traceback_ansi="")
    copy.samples[0].scores = {}
    place = tmp_path / "log.eval"
    write_eval_log(copy, str(place))
    (error,) = read_results(place).halves["error"].dropna()
    assert error.startswith("401 for https://…@host/v1?sig=")
    for secret in (PLANTED, "pw1", "abc123", "abc.def"):
        assert secret not in error


def test_a_secret_that_is_a_number_or_has_a_harmless_name_is_hidden_in_errors(log: Path):
    copy = read_eval_log(str(log), header_only=True)
    copy.eval.model_args = {"pin": 8675309, "device": {"password": "correct-horse"}, "seed": 1234567}
    hidden = hidden_values(copy)
    assert without_secrets("8675309 and correct-horse were refused, seed 1234567", hidden) == (
        f"{HIDDEN} and {HIDDEN} were refused, seed 1234567"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abcd1234efgh",
        "{'api_key': 'abcd1234efgh', 'n': 1}",
        "api-key=abcd1234efgh; retry",
        "x-api-key: abcd1234efgh",
        "GET https://host/v1?code=abcd1234efgh&b=2 failed",
        "Authorization: Basic abcd1234efgh",
        "Authorization: Token abcd1234efgh",
        "{'Authorization': 'ApiKey abcd1234efgh', 'Accept': '*/*'}",
        'Proxy-Authorization: Digest username="u", response="abcd1234efgh"',
    ],
)
def test_text_that_looks_like_a_key_is_removed_from_provider_messages(text: str):
    assert "abcd1234efgh" not in without_secrets(text)
    assert HIDDEN in without_secrets(text)


@pytest.mark.parametrize(
    "text",
    ["Rate limit reached: 3 of 10", "max_tokens=512 is too large", "the key point is that monkeys jump", ""],
)
def test_other_texts_are_unchanged(text: str):
    assert without_secrets(text) == text
