"""What a plan counts."""

from pathlib import Path

import pytest

from misfire.errors import InputError
from misfire.savacu.plan import PRICES, plan, read_prices
from misfire.savacu.recipe import Recipe, read_recipe

from .conftest import RecipeText

TABLE = """
[[model]]
name = "simulated-savacu/classifier"
input = 1.0
cached = 0.1
cached_from = 0
output = 10.0
batch = 0.5
[machine]
name = "M"
dollars_an_hour = 2.0
read = 1000
write = 100
"""


@pytest.fixture
def recipe(tmp_path: Path, recipe_text: RecipeText) -> Recipe:
    path = tmp_path / "recipe.toml"
    path.write_text(
        recipe_text(more='[expand]\nmodel = {model = "simulated-savacu/writer"}\ntarget = 10'),
        encoding="utf-8",
    )
    return read_recipe(path)


def test_both_methods_and_every_model_stage_are_counted(recipe: Recipe):
    rows = {row.stage: row for row in plan(recipe, read_prices(PRICES), prompts=1000)}
    assert rows["classify (questions)"].calls == 111_000
    assert rows["classify (scores)"].calls == 3000
    assert rows["expand, at most"].calls == rows["classify new prompts, at most"].calls / 3 == 111 * 3 * 15
    assert rows["respond (a)"].calls == 2000
    assert rows["judge"].calls == 4000
    assert [name for name, row in rows.items() if not row.chosen] == ["classify (questions)"]


def test_prices_are_per_token_and_repeated_prefixes_cost_less(recipe: Recipe, tmp_path: Path):
    (tmp_path / "prices.toml").write_text(TABLE, encoding="utf-8")
    row = plan(recipe, read_prices(tmp_path / "prices.toml"), prompts=1000)[0]
    assert row.written == 111_000
    assert 0.5 * row.read < row.repeated < row.read
    assert row.dollars == pytest.approx(
        ((row.read - row.repeated) * 1 + row.repeated * 0.1 + row.written * 10) / 1e6
    )
    assert row.batch_dollars == pytest.approx(0.5 * (row.read * 1 + row.written * 10) / 1e6)
    assert row.hours == pytest.approx(((row.read - row.repeated) / 1000 + row.written / 100) / 3600)


def test_a_prefix_that_is_too_short_to_be_cached_costs_the_full_price(recipe: Recipe, tmp_path: Path):
    (tmp_path / "prices.toml").write_text(
        TABLE.replace("cached_from = 0", "cached_from = 1024"), encoding="utf-8"
    )
    row = plan(recipe, read_prices(tmp_path / "prices.toml"), prompts=1000)[0]
    assert row.dollars == pytest.approx((row.read * 1 + row.written * 10) / 1e6)


def test_a_model_without_a_price_has_none(recipe: Recipe):
    assert all(row.dollars is None and row.hours > 0 for row in plan(recipe, read_prices(PRICES), prompts=10))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("input", "inputs", "model.0.inputs"),
        ("read = 1000", "read = 0", "machine.read"),
        ("[machine]", "[mach", "cannot be read"),
    ],
)
def test_an_invalid_table_is_refused(tmp_path: Path, old: str, new: str, said: str):
    path = tmp_path / "prices.toml"
    path.write_text(TABLE.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=r"prices\.toml") as raised:
        read_prices(path)
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "9" * 5000])
def test_an_unreadable_table_of_prices_is_refused(tmp_path: Path, text: str):
    (tmp_path / "prices.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"prices\.toml: cannot be read"):
        read_prices(tmp_path / "prices.toml")
