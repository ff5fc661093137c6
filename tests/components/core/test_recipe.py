"""Recipes: those that come with labelcycle, and how wrong ones are refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from labelcycle import pipelines
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.recipe import LinearTrainer, LoraTrainer, Recipe, Schedule, describe, read_recipe
from labelcycle.components.select import STRATEGIES

SHIPPED = sorted((Path(pipelines.__file__).parent / "recipes").glob("*.yaml"))

MINE: dict[str, Any] = {
    "name": "mine",
    "summary": "a summary",
    "source": "a source",
    "cost": "little",
    "trainer": {"name": "linear"},
    "selector": {"strategy": "entropy"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "mine.yaml"
    place.write_text(yaml.safe_dump(MINE))
    return place


def test_the_three_recipes_are_there() -> None:
    assert {"random", "linear_probe", "peal_entropy"} <= {path.stem for path in SHIPPED}


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_load(shipped: Path) -> None:
    recipe = read_recipe(shipped)
    assert recipe.name == shipped.stem
    assert recipe.selector.strategy in STRATEGIES
    assert recipe.cold_start.strategy in STRATEGIES
    assert all((recipe.summary, recipe.source, recipe.cost))


def test_peal_is_as_printed() -> None:
    recipe = read_recipe(next(path for path in SHIPPED if path.stem == "peal_entropy"))
    trainer = recipe.trainer
    assert isinstance(trainer, LoraTrainer)
    assert (trainer.rank, trainer.alpha, trainer.lora_dropout, trainer.target) == (16, 16, 0.1, "qkv")
    assert (trainer.epochs, trainer.batch_size, trainer.learning_rate, trainer.weight_decay) == (50, 64, 1e-3, 1e-2)
    assert trainer.dropout == 0.5
    assert (recipe.selector.strategy, recipe.selector.class_balanced) == ("entropy", True)
    assert recipe.schedule.warm_start
    assert recipe.schedule.learning_rate_drops == [5, 8]


def test_defaults(path: Path) -> None:
    recipe = read_recipe(path)
    assert isinstance(recipe.trainer, LinearTrainer)
    assert (recipe.scorer.name, recipe.cold_start.strategy, recipe.schedule.drop_factor) == ("softmax", "random", 0.1)


@pytest.mark.parametrize(
    ("overrides", "on_images", "base_features"),
    [
        ({}, False, True),
        ({"trainer.name": "lora"}, True, False),
        ({"trainer.name": "lora", "cold_start.strategy": "entropy"}, True, True),
    ],
)
def test_what_a_recipe_reads(path: Path, overrides: dict[str, Any], on_images: bool, base_features: bool) -> None:
    recipe = read_recipe(path, overrides)
    assert (recipe.trains_on_images, recipe.uses_base_features) == (on_images, base_features)


def test_overrides_are_laid_over_the_file(path: Path) -> None:
    overrides = {"name": "yours", "trainer.epochs": 3, "schedule.warm_start": False, "selector.class_balanced": "true"}
    recipe = read_recipe(path, overrides)
    assert (recipe.name, recipe.trainer.epochs, recipe.schedule.warm_start) == ("yours", 3, False)
    assert recipe.selector.class_balanced is True
    assert recipe.selector.strategy == "entropy"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"trainer.epoch": 3}, "  trainer.epoch: unknown setting. Remove it or correct its spelling"),
        ({"colour": "red"}, "  colour: unknown setting"),
        ({"trainer.rank": 4}, "  trainer.rank: unknown setting"),
        ({"schedule.when.exactly": 1}, "  schedule.when: unknown setting"),
        ({"trainer.epochs": 0}, "  trainer.epochs: .*greater than or equal to 1; got 0"),
        ({"trainer.batch_size": 1}, "  trainer.batch_size: .*; got 1"),
        ({"trainer.learning_rate": "fast"}, "  trainer.learning_rate: .*number.*; got 'fast'"),
        ({"trainer.learning_rate": float("inf")}, "  trainer.learning_rate: .*finite"),
        ({"trainer.learning_rate": float("nan")}, "  trainer.learning_rate: "),
        ({"trainer.dropout": 1}, "  trainer.dropout: .*less than 1; got 1"),
        ({"trainer.name": "boosting"}, "  trainer: .*'boosting'.*'linear', 'lora'"),
        ({"trainer.name": "lora", "trainer.rank": 0}, "  trainer.rank: .*; got 0"),
        ({"scorer.name": "dropout"}, "  scorer.name: .*'softmax'; got 'dropout'"),
        ({"schedule.drop_factor": 2}, "  schedule.drop_factor: .*; got 2"),
        ({"schedule.learning_rate_drops": 5}, "  schedule.learning_rate_drops: .*list; got 5"),
        ({"name.first": 1}, "Setting 'name.first' does not exist: 'name' is a single value"),
    ],
)
def test_wrong_overrides_are_named(path: Path, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_recipe(path, overrides)


@pytest.mark.parametrize("missing", sorted(MINE))
def test_missing_settings_are_named(path: Path, missing: str) -> None:
    path.write_text(yaml.safe_dump({name: value for name, value in MINE.items() if name != missing}))
    with pytest.raises(ConfigurationError, match=f"{path} is refused:\n  {missing}: missing. Add it"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a mapping"),
        (b"- a\n- b\n", "is not a mapping"),
        (b"name: [", "Cannot read recipe"),
        (b"\xff\xfe\x00", "Cannot read recipe"),
        (b"!!python/object/apply:os.getcwd []", "Cannot read recipe"),
    ],
)
def test_files_that_are_no_recipe(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as refusal:
        read_recipe(path)
    assert str(path) in str(refusal.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Cannot read recipe .*missing.yaml: .*No such file"):
        read_recipe(tmp_path / "missing.yaml")


def test_recipes_are_utf8_whatever_the_locale(path: Path) -> None:
    path.write_bytes(yaml.safe_dump({**MINE, "source": "Müller"}, allow_unicode=True).encode())
    assert read_recipe(path).source == "Müller"


def test_recipes_cannot_be_changed(path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_recipe(path).name = "another"  # type: ignore[misc]


def test_describe_names_every_problem() -> None:
    with pytest.raises(ValidationError) as refusal:
        Recipe.model_validate({**MINE, "name": 3, "extra": 1, "trainer": {"name": "linear", "epochs": "x"}})
    lines = describe(refusal.value).splitlines()
    assert [line.partition(":")[0].strip() for line in lines] == ["name", "trainer.epochs", "extra"]


@pytest.mark.parametrize(("cycle", "rate"), [(0, 1e-3), (4, 1e-3), (5, 1e-4), (7, 1e-4), (8, 1e-5), (100, 1e-5)])
def test_learning_rate_drops_at_the_cycles_named(cycle: int, rate: float) -> None:
    assert Schedule(learning_rate_drops=[5, 8]).learning_rate(1e-3, cycle) == pytest.approx(rate, rel=1e-12)


def test_learning_rate_without_drops_and_with_another_factor() -> None:
    assert Schedule().learning_rate(0.5, 1000) == 0.5
    assert Schedule(learning_rate_drops=[1], drop_factor=0.5).learning_rate(1.0, 1) == 0.5
