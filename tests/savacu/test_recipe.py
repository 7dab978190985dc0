"""A recipe is checked whole before anything is done."""

from pathlib import Path

import pytest

from misfire.errors import InputError
from misfire.savacu.calls import Settings
from misfire.savacu.prompting.classify import ToClassify, classify_step
from misfire.savacu.prompting.judge import JudgeStep, ToJudge
from misfire.savacu.recipe import PUBLISHED_TAU, RECOMMENDED_TAU, ModelSpec, Recipe, public_text, read_recipe

from .conftest import RecipeText

TO_JUDGE = ToJudge(
    id="p",
    text="A question",
    domains={"safety": ("safety_animal_abuse",)},
    responses={"aligned": "Yes.", "misaligned": "No."},
)


def read(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path)


def test_published_settings_are_the_defaults_but_for_tau(tmp_path: Path, recipe_text: RecipeText):
    recipe = read(tmp_path, recipe_text())
    settings = recipe.respond.settings_of(recipe.respond.generators[0])
    assert (settings.temperature, settings.top_p, settings.max_tokens, recipe.respond.rounds) == (
        0.7,
        0.9,
        512,
        2,
    )
    assert recipe.classify.delta == 0.5
    assert (recipe.dedup.tau, recipe.split.tau) == (RECOMMENDED_TAU, PUBLISHED_TAU) == (3, 10)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[dedup]\ntaw = 3", "field 'dedup.taw': Extra inputs are not permitted"),
        ("[dedup]\ntau = 30", "field 'dedup.tau'"),
        ("[dedup]\ntau = '3'", "field 'dedup.tau'"),
        ("[splitt]\nsalt = 'x'", "field 'splitt'"),
        ("[publish]\nrepository = 'nobody'", "field 'publish.repository'"),
        ("[expand]\ntarget = 5", "field 'expand.model'"),
        ("[dedup", "not valid TOML"),
        (f"[dedup]\ntau = {'[' * 20_000}", "not valid TOML"),
        (f"[dedup]\ntau = {'9' * 5000}", "not valid TOML"),
        (f"[publish]\nrows_per_file = {'9' * 400}", "field 'publish.rows_per_file'"),
        (f'[expand]\ntarget = 5\nmodel = {{model = "a/b{":a" * 300}"}}', "field 'expand.model.model'"),
        (
            '[expand]\ntarget = 5\nmodel = {model = "a/b", base_url = "me:pw@host/v1"}',
            "holds a name, a password or a query",
        ),
        (
            '[expand]\ntarget = 5\nmodel = {model = "a/b", args = {api_key = "k"}}',
            "'api_key' looks like a secret",
        ),
        (
            '[expand]\ntarget = 5\nmodel = {model = "a/b", base_url = "http://me:pw@host/v1"}',
            "holds a name, a password or a query",
        ),
    ],
)
def test_a_typo_is_refused_with_file_and_field(tmp_path: Path, recipe_text: RecipeText, more: str, said: str):
    with pytest.raises(InputError) as raised:
        read(tmp_path, recipe_text(more=more))
    assert said in str(raised.value)
    assert "recipe.toml" in str(raised.value)
    assert "pw@" not in str(raised.value)


def test_all_errors_are_reported_together(tmp_path: Path, recipe_text: RecipeText):
    with pytest.raises(InputError, match="2 bad records"):
        read(tmp_path, recipe_text(more="[dedup]\ntaw = 3\n[split]\ntau = -1"))


@pytest.mark.parametrize(
    "args",
    [
        "client_args = {api_key = 'k'}",
        "extra_body = {Authorization = 'k'}",
        "aws_access_key_id = 'k'",
        "authToken = 'k'",
        "cookies = {session = 'k'}",
        "credentials = 'k'",
        "auth = 'k'",
        "headers = {x = 'k'}",
        "token = 'k'",
    ],
)
def test_secrets_are_refused_in_any_place(tmp_path: Path, recipe_text: RecipeText, args: str):
    with pytest.raises(InputError, match="looks like a secret"):
        read(tmp_path, recipe_text(evaluator=args))


def test_harmless_values_are_not_refused(tmp_path: Path, recipe_text: RecipeText):
    assert (
        read(tmp_path, recipe_text(evaluator="max_tokens = 5, tokenizer = 'x', seed = 1")).judge.model.args[
            "max_tokens"
        ]
        == 5
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("vllm//srv/weights/judge", "vllm/judge"),
        ("file:/srv/weights/judge", "judge"),
        ("~/judge", "judge"),
        ("/srv/my models/judge", "judge"),
        ("--tokenizer=/srv/weights/judge", "--tokenizer=judge"),
        ("C:\\Users\\alice\\judge.bin", "judge.bin"),
        ("http://10.0.0.5:8000/v1?key=k", "(address)"),
        ("cc-by-4.0, see the source", "cc-by-4.0, see the source"),
        ("~nobody-of-this-name/judge", "~nobody-of-this-name/judge"),
        ("./" + "x" * 300, "./" + "x" * 300),
    ],
)
def test_no_local_path_is_published(text: str, shown: str):
    assert public_text(text) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("openai/gpt-4o", "azureai/gpt-4o-2024-08-06"),
        ("openrouter/qwen/qwen2.5-7b-instruct:free", "vllm/Qwen/Qwen2.5-7B-Instruct-AWQ"),
        ("hf/org/Model/", "vllm/org/Model"),
        ("bedrock/us.anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic/claude-3-5-haiku-latest"),
    ],
)
def test_the_same_weights_under_other_names_are_recognized(one: str, other: str):
    assert ModelSpec(model=one).weights == ModelSpec(model=other).weights


@pytest.mark.parametrize(
    "source",
    [
        '{path = "a", dataset = "b/c"}',
        "{}",
        '{dataset = "b/c"}',
        '{dataset = "b/c", revision = "main"}',
        '{path = "a", split = "train"}',
    ],
)
def test_a_source_is_one_file_or_one_pinned_data_set(tmp_path: Path, recipe_text: RecipeText, source: str):
    text = recipe_text()
    first = text.index("sources = [")
    with pytest.raises(InputError, match=r"ingest\.sources"):
        read(tmp_path, text[:first] + f"sources = [{source}]\n" + text[text.index("[classify]") :])


def test_two_generators_of_one_name_are_refused(tmp_path: Path, recipe_text: RecipeText):
    text = recipe_text().replace(
        'generators = [{name = "a"', 'generators = [{name = "a", model = "x/y"}, {name = "a"'
    )
    with pytest.raises(InputError, match="same name"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("simulated-savacu/evaluator", "simulated-savacu/generator-a", False),
        ("simulated-savacu/evaluator", "other-provider/Classifier", False),
        ("simulated-savacu/generator-a", "simulated-savacu/classifier", False),
        ("simulated-savacu/evaluator", "simulated-savacu/evaluator-2", True),
    ],
)
def test_no_model_may_judge_its_own_work(
    tmp_path: Path, recipe_text: RecipeText, old: str, new: str, allowed: bool
):
    recipe = read(tmp_path, recipe_text().replace(old, new))
    if allowed:
        recipe.check_roles()
        return
    with pytest.raises(InputError, match="--allow-same-model"):
        recipe.check_roles()


def with_setting(text: str, table: str, line: str) -> str:
    """The recipe with a line more in one of its tables."""
    return text.replace(f"[{table}]\n", f"[{table}]\n{line}\n")


def test_each_role_can_send_no_temperature_and_no_limit(tmp_path: Path, recipe_text: RecipeText):
    text = recipe_text(more='[expand]\ntarget = 5\nmodel = {model = "a/writer"}\n')
    for table in ("classify", "expand", "respond", "judge"):
        text = with_setting(text, table, 'temperature = "none"\nmax_tokens = "none"')
    recipe = read(tmp_path, text)
    assert recipe.expand is not None
    generated = [recipe.expand.settings, recipe.respond.settings_of(recipe.respond.generators[0])]
    assert [(one.temperature, one.top_p, one.max_tokens) for one in generated] == [
        (None, 0.95, None),
        (None, 0.9, None),
    ]
    asked = [
        call.settings
        for method in ("questions", "scores")
        for call in classify_step(method, recipe.classify.overrides).calls(
            ToClassify(id="p", text="A question")
        )
    ]
    asked += [call.settings for call in JudgeStep(recipe.judge.overrides).calls(TO_JUDGE)]
    assert {(settings.temperature, settings.max_tokens) for settings in asked} == {(None, None)}


def test_a_generator_has_its_own_settings(tmp_path: Path, recipe_text: RecipeText):
    # given a pool of which one model rejects temperature and top_p
    pool = (
        '{name = "b", model = "x/reasoner", temperature = "none", top_p = "none", max_tokens = 4096}, '
        '{name = "a"'
    )
    table = read(tmp_path, recipe_text().replace('{name = "a"', pool)).respond
    assert [table.settings_of(one) for one in table.generators] == [
        Settings(temperature=None, top_p=1.0, max_tokens=4096),
        Settings(temperature=0.7, top_p=0.9, max_tokens=512),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'temperature = "off"',
            "field 'respond.temperature': a number from 0 to 2 was expected, or \"none\" to send none "
            "(got 'off')",
        ),
        ("temperature = 2.5", "field 'respond.temperature': a number from 0 to 2"),
        ("temperature = nan", "field 'respond.temperature': a number from 0 to 2"),
        ("temperature = true", "field 'respond.temperature': a number from 0 to 2"),
        ("max_tokens = 0", "field 'respond.max_tokens': a whole number from 1"),
        ("max_tokens = 1.5", "field 'respond.max_tokens': a whole number from 1"),
        ("top_p = 2", "field 'respond.top_p': a number from 0 to 1"),
    ],
)
def test_a_setting_that_is_neither_a_number_nor_none_is_refused(
    tmp_path: Path, recipe_text: RecipeText, line: str, said: str
):
    with pytest.raises(InputError) as raised:
        read(tmp_path, with_setting(recipe_text(), "respond", line))
    assert said in str(raised.value)


@pytest.mark.parametrize("table", ["classify", "respond", "judge"])
def test_omitted_settings_change_the_hash(tmp_path: Path, recipe_text: RecipeText, table: str):
    plain = read(tmp_path, recipe_text())
    assert read(tmp_path, with_setting(recipe_text(), table, 'temperature = "none"')).hash != plain.hash


def test_a_recipe_without_the_settings_added_later_keeps_its_hash(tmp_path: Path, recipe_text: RecipeText):
    # builds that started before there were such settings continue
    dumped = read(tmp_path, recipe_text()).model_dump()
    assert set(dumped["judge"]) == {"model"}
    assert set(dumped["classify"]) == {"model", "method", "delta", "calibration"}
    assert set(dumped["respond"]["generators"][0]) == {"model", "base_url", "args", "connections", "name"}


def test_the_hash_depends_on_content_and_not_on_layout(tmp_path: Path, recipe_text: RecipeText):
    one = read(tmp_path, recipe_text())
    same = read(tmp_path, "# a comment\n" + recipe_text(more="[dedup]\ntau = 3"))
    other = read(tmp_path, recipe_text(more="[dedup]\ntau = 10"))
    assert one.hash == same.hash != other.hash
