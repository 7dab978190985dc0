"""Where instances come from, and what is recorded of it."""

from pathlib import Path
from typing import Any

import pytest

from misfire.datasets.hub import GatedError, HubError
from misfire.datasets.misalign.instance_files import write_instances
from misfire.datasets.misalign.sources import load_instances
from misfire.errors import InputError
from tests.datasets.misalign.conftest import InstanceMaker

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_the_embedded_instances_need_nothing():
    instance_set = load_instances()
    assert len(instance_set.instances) >= 222
    assert (instance_set.source, instance_set.origin) == ("embedded", "misfire's embedded instances")
    assert instance_set.skipped.count == 0


def test_a_file_is_read_and_its_folder_is_not_recorded(tmp_path: Path, make_instance: InstanceMaker):
    written = [make_instance(k) for k in range(3)]
    write_instances(written, tmp_path / "x.csv")
    instance_set = load_instances("file", path=str(tmp_path / "x.csv"))
    assert (list(instance_set.instances), instance_set.origin) == (written, "x.csv")


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv"])
def test_the_same_instances_from_any_source_have_the_same_hash(tmp_path: Path, ending: str):
    embedded = load_instances()
    write_instances(embedded.instances, tmp_path / f"x.{ending}")
    assert load_instances("file", path=str(tmp_path / f"x.{ending}")).hash == embedded.hash


def test_a_subset_keeps_its_origin_and_changes_its_hash():
    whole = load_instances()
    part = whole.replace(whole.instances[:3])
    assert (part.source, part.origin, len(part.instances)) == (whole.source, whole.origin, 3)
    assert part.hash != whole.hash


def test_instances_are_selected():
    part = load_instances(split="test", dimensions=["cultural"], domains=["Opera", "Wealth"])
    assert {instance.id for instance in part.instances} == {"culture_opera_1", "culture_opera_2"}


def test_bad_rows_and_columns_are_treated_as_the_user_says(tmp_path: Path):
    file = tmp_path / "x.csv"
    file.write_text("asked,good,bad\na?,b,c\n,d,e\n", encoding="utf-8")
    instance_set = load_instances(
        "file", path=str(file), columns="prompt=asked,aligned=good,misaligned=bad", skip_invalid=True
    )
    assert (len(instance_set.instances), instance_set.skipped.count, instance_set.skipped.fields) == (
        1,
        1,
        (("prompt", 1),),
    )


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"source": "file"}, "source=file requires a file"),
        ({"source": "nowhere"}, "'nowhere' is not a source of instances"),
        ({"path": "x"}, "path requires source=file, but source=embedded"),
        ({"dataset": "a/b"}, "dataset requires source=hub"),
        ({"source": "file", "path": "x", "revision": COMMIT}, "revision requires source=hub"),
        ({"columns": "prompt=a"}, "columns requires source=file or source=hub"),
        ({"skip_invalid": True}, "skip_invalid requires source=file or source=hub"),
        ({"skip_invalid": "yes"}, "'yes' is neither true nor false"),
        ({"source": "hub", "revision": COMMIT}, "source=hub requires a dataset"),
        ({"source": "hub", "dataset": "a/b"}, "requires a pinned revision"),
        ({"source": "hub", "dataset": "a/b", "revision": "main"}, r"requires a pinned revision.*got 'main'"),
        ({"split": "dev"}, "'dev' is not a split"),
        ({"split": "train"}, r"none of its \d+ instances matches split=train"),
        ({"dimensions": ["ethics"]}, "'ethics' is not a dimension"),
        ({"domains": ["Wellth"]}, "Did you mean 'Wealth'"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(parameters: dict[str, Any], said: str):
    with pytest.raises(InputError, match=said):
        load_instances(**parameters)


ROWS = [
    {"prompt": "a?", "chosen": "b", "rejected": "c", "safety_name": "Self-harm"},
    {"prompt": "d?", "chosen": "e", "rejected": "f"},
]


def test_a_data_set_of_the_hub_is_read_with_all_its_splits(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, str | None]] = []

    def splits(dataset: str, revision: str | None) -> dict[str, list[dict[str, Any]]]:
        asked.append((dataset, revision))
        return {"train": ROWS, "val": ROWS[:1], "extra": ROWS[1:]}

    monkeypatch.setattr("misfire.datasets.misalign.sources.dataset_splits", splits)
    instance_set = load_instances("hub", dataset="owner/name", revision=COMMIT)
    assert asked == [("owner/name", COMMIT)]
    assert [(i.id, i.split) for i in instance_set.instances] == [
        ("train_1", "train"),
        ("train_2", "train"),
        ("val_1", "validation"),
        ("extra_1", None),
    ]
    assert instance_set.origin == f"owner/name at {COMMIT}"
    assert {i.provenance for i in instance_set.instances} == {instance_set.origin}


def test_rows_are_read_from_a_real_data_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    # a folder of files is a data set to `datasets` just as one on the hub is
    (tmp_path / "test.jsonl").write_text(
        '{"prompt": "a?", "aligned": "b", "misaligned": "c", "values_name": "Honesty"}\n'
    )
    monkeypatch.setattr("misfire.datasets.hub._reach_hub", lambda: None)
    (instance,) = load_instances("hub", dataset=str(tmp_path), revision=COMMIT).instances
    assert (instance.id, instance.split, instance.value) == ("test_1", "test", ("value_honesty",))


def test_a_bad_row_of_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "misfire.datasets.misalign.sources.dataset_splits",
        lambda *_: {"train": [*ROWS, ROWS[0] | {"chosen": None}]},
    )
    with pytest.raises(InputError, match="split train, row 3, field 'aligned': empty"):
        load_instances("hub", dataset="owner/name", revision=COMMIT)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (GatedError("gated."), r"gated, private or missing.*request access"),
        (HubError("no network."), r"no network\..*source=embedded"),
    ],
)
def test_without_access_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: HubError, said: str
):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("misfire.datasets.misalign.sources.dataset_splits", fail)
    with pytest.raises(InputError, match=said):
        load_instances("hub", dataset="owner/name", revision=COMMIT)
