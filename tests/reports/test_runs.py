"""Which logs count, under which names, and which may not stand together."""

import json
import shutil
from pathlib import Path

import pytest
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.scorer import match

from misfire.errors import InputError
from misfire.reports import Results, read_results
from misfire.reports.logs.log_files import find_logs
from misfire.reports.logs.places import Places
from misfire.reports.pairs.runs import RunSet, runs_of
from misfire.reports.pairs.veto_tables import protocol_table
from misfire.tasks.veto import veto
from tests.runs import run_task as run

from .conftest import make_log


def runs_in(places: Places, *, allow_mixed: bool = False) -> RunSet:
    return runs_of(find_logs(places), allow_mixed=allow_mixed)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of twelve pairs."""
    return Path(
        make_log(
            veto(source="embedded", pairs=12), "one", tmp_path_factory.mktemp("one"), planted={"mar": 0.3}
        )
    )


def variant(log: Path, place: Path, **changes: object) -> EvalLog:
    """A copy of a log, changed: its eval's fields, or ``status``; a new task id by default."""
    copy = read_eval_log(str(log))
    copy.status = changes.pop("status", copy.status)  # pyright: ignore[reportAttributeAccessIssue]
    metadata = (copy.eval.metadata or {}) | dict(changes.pop("metadata", {}))  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownArgumentType]
    copy.eval = copy.eval.model_copy(update={"task_id": place.stem, "metadata": metadata} | changes)
    write_eval_log(copy, str(place))
    return copy


def test_runs_are_found_in_folders_below_veto_first(results: Results):
    assert [(run.label, run.task, run.protocol) for run in results.run_set.runs] == [
        ("alpha", "veto", "direct"),
        ("alpha · cot", "veto", "cot"),
        ("beta", "veto", "direct"),
        ("alpha", "priming", "direct"),
    ]


@pytest.mark.parametrize("eval_ids", [("a", "b"), ("b", "a")])
def test_runs_that_start_in_one_second_are_ordered_by_their_settings(
    one: Path, tmp_path: Path, eval_ids: tuple[str, str]
):
    # given two runs that differ in a setting, with the same time, and random ids in either order
    for eval_id, seed in zip(eval_ids, (2, 1), strict=True):
        arguments = {"source": "embedded", "pairs": 12, "seed": seed}
        variant(one, tmp_path / f"{seed}.eval", eval_id=eval_id, task_args=arguments)
    # then the order is that of the settings
    assert [run.log.rpartition("/")[2] for run in runs_in(tmp_path).runs] == ["1.eval", "2.eval"]


def test_a_chain_of_thought_run_that_started_first_is_compared_with_its_direct_run(
    logs: Path, tmp_path: Path
):
    # given a chain-of-thought run that is older than the direct run
    for log in sorted((logs / "veto").glob("*.eval")):
        header = read_eval_log(str(log), header_only=True)
        early = header.eval.task_args.get("protocol") == "cot"
        created = "2026-01-01T00:00:00+00:00" if early else header.eval.created
        variant(log, tmp_path / log.name, created=created)
    results = read_results(tmp_path)
    assert [run.label for run in results.run_set.runs] == ["alpha · cot", "alpha", "beta"]
    # then the protocol table still shows the change from the direct run to the chain-of-thought run
    table = protocol_table(results)
    assert table
    assert [(row[0][1], row[1][1]) for row in table.rows()] == [("alpha", "alpha · cot")]


def test_a_log_that_is_given_twice_counts_once(one: Path):
    assert len(runs_in([one, one.parent, str(one)]).runs) == 1


def test_of_several_attempts_the_successful_one_counts(one: Path, tmp_path: Path):
    variant(one, tmp_path / "a.eval", task_id="same", created="2026-01-01T00:00:00+00:00")
    variant(one, tmp_path / "b.eval", task_id="same", created="2026-01-02T00:00:00+00:00", status="started")
    run_set = runs_in(tmp_path)
    assert [run.log.rpartition("/")[2] for run in run_set.runs] == ["a.eval"]
    assert [log.rpartition("/")[2] for log in run_set.superseded] == ["b.eval"]


def test_without_a_successful_attempt_the_newest_counts(one: Path, tmp_path: Path):
    for name, day in (("a", 2), ("b", 1)):
        variant(
            one,
            tmp_path / f"{name}.eval",
            task_id="same",
            created=f"2026-01-0{day}T00:00:00+00:00",
            status="error",
        )
    assert [run.log.rpartition("/")[2] for run in runs_in(tmp_path).runs] == ["a.eval"]


def test_two_runs_of_one_model_are_named_by_their_differences(one: Path, tmp_path: Path):
    variant(one, tmp_path / "a.eval", model_args={"mar": 0.1, "api_key": "sk-first"})
    variant(one, tmp_path / "b.eval", model_args={"mar": 0.2, "api_key": "sk-second"})
    labels = {run.label for run in runs_in(tmp_path).runs}
    assert labels == {"one · mar=0.1", "one · mar=0.2"}


def test_a_secret_is_never_part_of_a_name(one: Path, tmp_path: Path):
    variant(
        one, tmp_path / "a.eval", model_args={"api_key": "sk-first"}, model_base_url="https://user:pass@host"
    )
    variant(
        one, tmp_path / "b.eval", model_args={"api_key": "sk-second"}, created="2026-01-01T00:00:00+00:00"
    )
    runs = runs_in(tmp_path).runs
    assert "sk-" not in str(runs)
    assert "pass" not in str([run.label for run in runs])
    assert len({run.label for run in runs}) == 2


@pytest.mark.parametrize(
    "given",
    [
        {"client_args": {"headers": {"api_key": "hidden-NAME"}}},
        {"providers": [{"cookie": "hidden-NAME"}]},
        {"passwd": "hidden-NAME"},
        {"endpoint": "https://user:hidden-NAME@host/v1"},
    ],
)
def test_a_secret_within_an_argument_or_an_address_is_not_part_of_a_name(
    one: Path, tmp_path: Path, given: dict[str, object]
):
    for name in ("a", "b"):
        arguments = json.loads(json.dumps(given).replace("NAME", name))
        variant(
            one,
            tmp_path / f"{name}.eval",
            model_args=arguments,
            created=f"2026-01-0{ord(name) - 96}T00:00:00+00:00",
        )
    runs = runs_in(tmp_path).runs
    assert len({run.label for run in runs}) == 2
    assert "hidden" not in str(runs)


def test_two_runs_that_differ_in_nothing_are_numbered(one: Path, tmp_path: Path):
    for name in "ab":
        variant(one, tmp_path / f"{name}.eval")
    first, second = (run.label for run in runs_in(tmp_path).runs)
    assert second == f"{first} #2"


def test_models_of_one_name_keep_their_providers(one: Path, tmp_path: Path):
    for name in ("openai/m", "azure/m", "openai/n"):
        variant(one, tmp_path / f"{name.replace('/', '_')}.eval", model=name)
    assert {run.label for run in runs_in(tmp_path).runs} == {"openai/m", "azure/m", "n"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metadata": {"pair_set_sha256": "f" * 64, "pair_count": 7}}, "pair sets of veto differ: 12 pairs"),
        ({"metadata": {"suite_version": "9.9.9"}}, "suite versions of veto differ"),
        ({"scorers": []}, "parsers of veto differ: strict: one"),
    ],
)
def test_runs_that_must_not_be_mixed_are_refused_by_name_and_accepted_on_request(
    one: Path, tmp_path: Path, changes: dict[str, object], words: str
):
    shutil.copy(one, tmp_path / "a.eval")
    if "scorers" in changes:
        scorers = [
            s.model_copy(update={"options": {"parser": "published"}})
            for s in read_eval_log(str(one), header_only=True).eval.scorers or []
        ]
        changes = {"scorers": scorers}
    variant(one, tmp_path / "b.eval", model="simulated/two", **changes)
    with pytest.raises(InputError) as refused:
        runs_in(tmp_path)
    assert words in str(refused.value)
    assert "two" in str(refused.value)
    mixed = runs_in(tmp_path, allow_mixed=True)
    assert len(mixed.runs) == 2
    assert words in mixed.mixed[0]


def test_the_same_pairs_from_another_place_are_not_a_difference(one: Path, tmp_path: Path):
    shutil.copy(one, tmp_path / "a.eval")
    variant(one, tmp_path / "b.eval", model="simulated/two", metadata={"pair_origin": "a copy"})
    assert runs_in(tmp_path).mixed == ()


def test_a_rescored_log_says_how_its_answers_were_read(one: Path, tmp_path: Path):
    from inspect_ai import score

    from misfire.scorers.veto import veto_outcome

    rescored = score(read_eval_log(str(one)), veto_outcome(parser="published"), action="overwrite")
    write_eval_log(rescored, str(tmp_path / "a.eval"))
    assert [run.parser for run in runs_in(tmp_path).runs] == ["published"]


def test_logs_of_other_tasks_are_left_out_unless_named(one: Path, tmp_path: Path):
    @task
    def other() -> Task:
        return Task([Sample(input="1", target="1")], scorer=match())

    (log,) = run(other(), model="simulated/model", log_dir=str(tmp_path))
    shutil.copy(one, tmp_path / "a.eval")
    assert [place.rpartition("/")[2] for place in runs_in(tmp_path).foreign] == [Path(log.location).name]
    with pytest.raises(InputError, match="not a task of misfire"):
        runs_in(log.location)


def test_a_file_that_is_not_a_log_is_left_out_unless_named(one: Path, tmp_path: Path):
    shutil.copy(one, tmp_path / "a.eval")
    broken = tmp_path / "2026-01-01T00-00-00-00-00_veto_broken.eval"
    broken.write_bytes(one.read_bytes()[:1000])
    assert [str(broken.name) in line for line in runs_in(tmp_path).unreadable] == [True]
    with pytest.raises(InputError, match="not a log that can be read"):
        runs_in(broken)


def test_places_without_a_log_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"None of these places holds a log of misfire\. Run"):
        runs_in(tmp_path)
    with pytest.raises(InputError, match="neither a folder nor a log file"):
        runs_in(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not a log that can be read"):
        runs_in(tmp_path / "none.eval")


def test_chain_of_thought_is_paired_with_the_direct_run_most_like_it(one: Path, tmp_path: Path):
    for name, arguments in (("a", {"mar": 0.1}), ("b", {"mar": 0.2})):
        variant(one, tmp_path / f"{name}.eval", model_args=arguments)
    args = read_eval_log(str(one), header_only=True).eval.task_args
    variant(one, tmp_path / "c.eval", task_args=args | {"protocol": "cot"}, model_args={"mar": 0.2})
    variant(one, tmp_path / "d.eval", task_args=args | {"protocol": "cot"}, model="simulated/lonely")
    pairs = runs_in(tmp_path).protocol_pairs()
    assert [(direct.label, cot.label) for direct, cot in pairs] == [("one · mar=0.2", "one · cot · mar=0.2")]


def test_chain_of_thought_is_not_paired_with_a_direct_run_on_other_pairs(one: Path, tmp_path: Path):
    shutil.copy(one, tmp_path / "a.eval")
    args = read_eval_log(str(one), header_only=True).eval.task_args
    other = {"pair_set_sha256": "f" * 64, "pair_count": 7}
    variant(one, tmp_path / "b.eval", task_args=args | {"protocol": "cot"}, metadata=other)
    assert runs_in(tmp_path, allow_mixed=True).protocol_pairs() == []


def test_a_run_promises_each_pair_in_each_epoch(tmp_path: Path):
    log = make_log(veto(source="embedded", pairs=3), "one", tmp_path, epochs=2)
    assert [run.planned_pairs for run in runs_in(log).runs] == [6]
