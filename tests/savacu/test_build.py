"""The build from end to end with simulated models.

What was planted is what is measured, and it can stop and go on anywhere.
"""

import csv
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.misalign.taxonomy import domains
from misfire.errors import InputError
from misfire.savacu.build import Build
from misfire.savacu.known_labels import read_labels
from misfire.savacu.near_duplicates.fingerprints import fingerprints
from misfire.savacu.near_duplicates.neighbors import near_pairs
from misfire.savacu.prompting.classify import all_domains
from misfire.savacu.prompting.respond import Responded
from misfire.savacu.recipe import read_recipe
from misfire.savacu.records import STAGE_NAMES, ClassifyReport, ExpandReport, JudgeReport, ResponsePair
from misfire.savacu.status import status_lines
from misfire.savacu.store import read_record, read_shard, shard_key, write_record, write_shard
from misfire.tasks.misalign_bench import misalign_bench
from tests.runs import run_task as run_tasks

from .conftest import BuildMaker, recipe_for
from .direct_runner import DirectRunner, asked, published

FAULTS = (
    "refusal:0.05,empty:0.02,contrary:0.1,near_partner:0.02,usable_detail:0.03,"
    "copy:0.01,language:0.01,too_short:0.01,cut_off:0.01"
)


PLANTED = {name: float(share) for name, _, share in (part.partition(":") for part in FAULTS.split(","))}


@pytest.fixture(scope="module")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A build from 800 of the real prompts, with planted noise in every role."""
    folder = tmp_path_factory.mktemp("real")
    with (shared / "savacu" / "prompts_with_domains.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    sample = folder / "prompts.csv"
    with sample.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(random.Random(1).sample(rows, 800))
    recipe = folder / "recipe.toml"
    recipe.write_text(
        recipe_for(
            sample,
            shard_size=400,
            columns='columns = "safety:safety_name,value:values_name,culture:cultural_name"',
            classifier="miss = 0.1, false_alarm = 0.002",
            generator=f'faults = "{FAULTS}"',
            evaluator="miss = 0.05, false_alarm = 0.03, unreadable = 0.01",
            more=f"""
[classify.calibration]
path = "{sample}"
safety = "safety_name"
value = "values_name"
culture = "cultural_name"
[expand]
model = {{model = "simulated-savacu/writer", args = {{astray = 0.2}}}}
target = 8
""",
        ),
        encoding="utf-8",
    )
    build = Build(read_recipe(recipe), folder / "build", DirectRunner())
    write_record(build.folder / "recipe.json", build.recipe)
    build.run()
    return build


def ids_of(path: Path) -> list[str]:
    return pq.read_table(path).column("id").to_pylist()


def within(measured: int, total: int, share: float) -> bool:
    """Whether a count is within four standard errors of what was planted."""
    return abs(measured - total * share) <= 4 * (total * share * (1 - share)) ** 0.5 + 1


class TestRealPrompts:
    """What was planted is what is measured."""

    def test_planted_rates_are_measured(self, real: Build) -> None:
        build = real
        classify = read_record(build.folder / "classify" / "report.json", ClassifyReport)
        expand = read_record(build.folder / "expand" / "report.json", ExpandReport)
        judge = read_record(build.folder / "judge" / "report.json", JudgeReport)
        assert classify is not None
        assert classify.calibration is not None
        assert expand is not None
        assert judge is not None

        # the classifier: what is missed and what is made up
        table = build.recipe.classify.calibration
        assert table is not None
        labels = read_labels(table)
        known = [labels[prompt.id] for prompt in build.view.prompts if prompt.id in labels]
        positives = sum(len(held) for held_labels in known for held in held_labels.values())
        negatives = (
            sum(len(domains(dimension)) for held_labels in known for dimension in held_labels) - positives
        )
        recall, precision = classify.calibration.recall_at_delta, classify.calibration.precision_at_delta
        assert recall is not None
        assert precision is not None
        found = round(recall * positives)
        assert within(positives - found, positives, 0.1)
        assert within(round(found / precision) - found, negatives, 0.002)

        # the writer: off its topic by plan, or missed by the classifier
        assert within(expand.dropped["other_domain"], expand.asked, 1 - 0.8 * 0.9)
        assert expand.asked == expand.kept + sum(expand.dropped.values())

        # the generator's faults, counted by the rules in the first round
        first, written = judge.rejected[0], judge.written[0]
        assert written == 2 * judge.pairs
        for fault in ("empty", "usable_detail", "copy", "language", "too_short", "cut_off"):
            share = PLANTED[fault]
            assert within(first[fault], written if fault != "usable_detail" else written // 2, share), fault
        assert within(first["near_partner"], judge.pairs, 0.02 * (1 - 0.11))

    def test_the_counts_of_rounds_and_drops_add_up(self, real: Build) -> None:
        build = real
        judge = read_record(build.folder / "judge" / "report.json", JudgeReport)
        pairs = list(build.view.pairs())
        assert judge is not None
        assert judge.pairs == len(pairs) == len(build.view.kept)
        assert judge.passed + judge.dropped == judge.pairs
        assert sum(judge.passed_by_round.values()) == judge.passed
        assert judge.dropped > 0
        # who is written again is who was rejected before
        for number in (1, 2):
            again = {
                (pair.id, rejection.side)
                for pair in pairs
                for rejection in pair.rejections
                if rejection.round == number - 1
            }
            assert judge.written[number] == len(again) > 0
        assert all(pair.passed != any(draft.faults for draft in pair.drafts.values()) for pair in pairs)
        assert all(max(draft.round for draft in pair.drafts.values()) <= 2 for pair in pairs)

    def test_the_data_set_loads_and_does_not_leak(self, real: Build) -> None:
        build = real
        instances = [
            instance
            for path in sorted((build.folder / "dataset" / "data").iterdir())
            for instance in load_instances("file", path=str(path)).instances
        ]
        passed: dict[str, ResponsePair] = {pair.id: pair for pair in build.view.pairs() if pair.passed}
        assert {instance.id for instance in instances} == set(passed)
        assert all(instance.dimensions for instance in instances)
        assert {instance.split for instance in instances} == {"train", "validation", "test"}

        texts = sorted({(instance.prompt, str(instance.split)) for instance in instances})
        near = near_pairs(fingerprints(text for text, _ in texts), 10)
        assert len(near) > 0
        assert all(
            texts[one][1] == texts[other][1] for one, other in zip(near.first, near.second, strict=True)
        )
        assert near.distance.min() > 3

    def test_the_data_set_runs_as_an_evaluation(self, real: Build, tmp_path: Path) -> None:
        (log,) = run_tasks(
            misalign_bench(source="file", path=str(real.folder / "dataset"), split="test", per_dimension=5),
            model="simulated/model",
            log_dir=str(tmp_path),
        )
        assert log.status == "success"
        assert log.samples
        assert all(sample.scores for sample in log.samples)

    def test_new_prompts_are_requested_in_rounds_until_domains_have_enough(self, real: Build) -> None:
        expand = read_record(real.folder / "expand" / "report.json", ExpandReport)
        assert expand is not None
        assert expand.rounds > 1
        items = [
            name for path in sorted((real.folder / "expand").glob("*/*.parquet")) for name in ids_of(path)
        ]
        assert len(set(items)) == len(items) == expand.asked
        table = real.recipe.expand
        assert table is not None
        held = Counter(
            name for prompt in real.view.kept for names in prompt.domains.values() for name in names
        )
        lacking = sum(held[domain.id] < table.target for domain in all_domains())
        # one of each cluster of near-duplicates goes after the count, so a few more may lack
        assert expand.under_target <= lacking < 20

    def test_status_shows_the_content_of_each_stage(self, real: Build) -> None:
        build = real
        lines = "\n".join(status_lines(build.folder))
        assert all(f"\n{stage}" in f"\n{lines}" for stage in STAGE_NAMES)
        assert "not done" not in lines


@pytest.mark.parametrize("method", ["scores", "questions"])
def test_both_methods_give_the_same_labels_from_the_same_classifier(make_build: BuildMaker, method: str):
    build = make_build(method=method)
    build.run(["ingest", "classify", "dedup"])
    assert len(build.view.kept) == 6
    assert {name for prompt in build.view.kept for names in prompt.domains.values() for name in names} >= {
        "safety_animal_abuse",
        "culture_culinary_arts",
    }


@pytest.mark.parametrize("stop_after", [1, 7, 20, 33])
def test_a_stopped_build_continues_and_gives_the_same_result(make_build: BuildMaker, stop_after: int):
    whole = make_build("whole", shard_size=2, generator='faults = "contrary:0.4"')
    whole.run()

    stopped = make_build(
        "stopped", DirectRunner(stop_after), shard_size=2, generator='faults = "contrary:0.4"'
    )
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    going_on = make_build("stopped", shard_size=2, generator='faults = "contrary:0.4"')
    going_on.run()

    assert published(going_on) == published(whole)
    # finished shards are not made again: only the shard that broke off is
    again = asked(stopped).keys() & asked(going_on).keys()
    assert len({call.split()[0] for call in again}) <= 1


def test_a_finished_build_sends_no_call(make_build: BuildMaker):
    make_build().run()
    again = make_build()
    again.run()
    assert asked(again) == {}


def test_stages_can_be_run_one_by_one(make_build: BuildMaker):
    whole = make_build("whole")
    whole.run()
    for stage in STAGE_NAMES:
        make_build("steps").run([stage])
    assert published(make_build("steps")) == published(whole)


def test_the_order_and_partition_of_the_input_do_not_matter(make_build: BuildMaker, labeled: Path):
    whole = make_build("whole")
    whole.run()
    lines = labeled.read_text(encoding="utf-8").splitlines()
    labeled.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n", encoding="utf-8")
    other = make_build("other", shard_size=1)
    other.run()

    def instances(build: Build) -> list[tuple[str, str, str, str]]:
        paths = sorted((build.folder / "dataset" / "data").iterdir())
        loaded = [instance for path in paths for instance in load_instances("file", path=str(path)).instances]
        return sorted((each.id, each.aligned, each.misaligned, str(each.split)) for each in loaded)

    assert instances(other) == instances(whole)


def test_a_stage_whose_input_is_not_complete_is_refused(make_build: BuildMaker):
    with pytest.raises(InputError, match="the stage 'ingest' is not complete"):
        make_build().run(["classify"])


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"classifier": "miss = 0.3"}, ["classify"]),
        ({"generator": 'faults = "contrary:0.5"'}, ["respond"]),
        ({"shard_size": 1}, ["classify"]),
    ],
)
def test_shards_of_another_recipe_are_refused(
    make_build: BuildMaker, change: dict[str, Any], stages: list[Any]
):
    make_build().run()
    with pytest.raises(InputError, match="made by another recipe or from other input"):
        make_build(**change).run(stages)


def test_other_prompts_are_refused_in_the_same_folder(make_build: BuildMaker, labeled: Path):
    make_build().run()
    labeled.write_text(
        labeled.read_text(encoding="utf-8") + "Is the tea of my aunt good for the heart?,None,Health,None\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="its prompts have changed"):
        make_build().run()


def test_a_partly_written_shard_is_reported_and_the_rest_is_kept(make_build: BuildMaker):
    build = make_build()
    build.run()
    path = build.folder / "respond" / "a" / "0" / "00000.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"00000.parquet: is damaged"):
        make_build().run()
    path.unlink()
    again = make_build()
    again.run()
    assert {call.split()[0] for call in asked(again)} == {"respond/a/0/00000"}


def test_a_classifier_with_unreadable_replies_leaves_no_prompts(make_build: BuildMaker):
    build = make_build(classifier="unreadable = 1.0")
    with pytest.raises(InputError, match="no pair passed"):
        build.run()
    report = read_record(build.folder / "classify" / "report.json", ClassifyReport)
    assert report is not None
    assert (report.undefined, report.without_domain) == (6 * 111, 6)


def test_prompts_from_an_earlier_data_set_keep_their_split(make_build: BuildMaker):
    first = make_build("first", more='[split]\nsalt = "one"')
    first.run()
    second = make_build("second", more=f'[split]\nsalt = "two"\nprevious = "{first.folder / "dataset"}"')
    second.run()
    assert second.view.splits() == first.view.splits()


def test_near_duplicates_of_an_earlier_prompt_get_its_split(make_build: BuildMaker, labeled: Path):
    first = make_build("first", more='[split]\nsalt = "one"')
    first.run()
    before = first.view.splits()

    # given new prompts that are near-duplicates of the old ones, some with a smaller id, and not all of the
    # old ones
    texts = {prompt.id: prompt.text for prompt in first.view.kept}
    lines = labeled.read_text(encoding="utf-8").splitlines()
    near = [
        line.replace("?,", f" {'!' * number}?,").replace(".,", f" {'!' * number}.,")
        for line in lines[1:]
        for number in (1, 2, 3)
    ]
    labeled.write_text("\n".join([lines[0], *near, *lines[1:3]]) + "\n", encoding="utf-8")
    second = make_build("second", more=f'[split]\nsalt = "two"\nprevious = "{first.folder / "dataset"}"')
    second.run()

    # then an old prompt stays rather than its near-duplicate, and what is new is where its near-duplicate was
    assert {prompt.id for prompt in second.view.kept} & set(texts) == {
        prompt.id for prompt in second.view.prompts
    } & set(texts)
    words = {
        "".join(filter(str.isalnum, text)): before[name] for name, text in texts.items() if name in before
    }
    after = {prompt.id: prompt.text for prompt in second.view.kept}
    for name, split in second.view.splits().items():
        assert words["".join(filter(str.isalnum, after[name]))] == split


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"evaluator": "miss = 0.5"}, ["split", "publish"]),
        ({"generator": 'faults = "contrary:0.5"'}, ["judge"]),
        ({"method": "questions"}, ["publish"]),
        ({"more": "[dedup]\ntau = 10"}, ["respond"]),
    ],
)
def test_stages_do_not_continue_from_shards_of_another_recipe(
    make_build: BuildMaker, change: dict[str, Any], stages: list[Any]
):
    make_build().run()
    with pytest.raises(InputError, match="or an earlier one, was made by another recipe"):
        make_build(**change).run(stages)


def test_a_missing_shard_is_reported(make_build: BuildMaker):
    build = make_build(shard_size=2)
    build.run(["ingest", "classify"])
    (build.folder / "classify" / "00001.parquet").unlink()
    with pytest.raises(InputError, match=r"has labels for 4 of 6 prompts\. A shard is missing"):
        make_build(shard_size=2).run(["dedup"])


def test_replies_for_other_items_are_reported(make_build: BuildMaker):
    build = make_build()
    build.run()
    path = build.folder / "respond" / "a" / "0" / "00000.parquet"
    key = shard_key(path)
    write_shard(path, read_shard(path, Responded)[1:], str(key))
    with pytest.raises(InputError, match=r"00000\.parquet: .*it holds replies for other items"):
        make_build().run(["judge"])


def test_labels_that_are_not_domains_are_reported_with_their_rows(make_build: BuildMaker, labeled: Path):
    labeled.write_text(
        labeled.read_text(encoding="utf-8").replace("Social justice", "Sociel justice"), encoding="utf-8"
    )
    build = make_build(more=f'[classify.calibration]\npath = "{labeled}"')
    with pytest.raises(InputError, match=r"row 1 .*field 'value'.*Did you mean 'Social justice'"):
        build.run()
