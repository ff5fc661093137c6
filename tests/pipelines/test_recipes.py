"""The catalogue of recipes."""

from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select import STRATEGIES
from labelcycle.pipelines.recipes.catalogue import all_recipes, recipe_path


def test_recipes_carry_the_name_of_their_file() -> None:
    names = [recipe.name for recipe in all_recipes()]
    assert names == sorted(names) and {"random", "linear_probe", "peal_entropy"} <= set(names)
    assert all(recipe_path(name).stem == name for name in names)


def test_recipes_name_strategies_that_exist() -> None:
    for recipe in all_recipes():
        assert {recipe.selector.strategy, recipe.cold_start.strategy} <= STRATEGIES.keys()


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    assert recipe_path(str(tmp_path / "mine.yml")) == tmp_path / "mine.yml"


@pytest.mark.parametrize("name", ["unknown", "../recipes/random", ""])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="Choose one of .*linear_probe.*, or name a .yaml file"):
        recipe_path(name)
