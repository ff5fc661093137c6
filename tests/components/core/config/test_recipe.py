"""Recipes: those that come with labelcycle, and how wrong ones are refused."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from labelcycle import pipelines
from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.config.recipe import Recipe, Schedule, describe
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.trainers import LinearTrainer, LoraTrainer
from labelcycle.components.core.errors import ConfigurationError
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
        ({"trainer.name": "lora", "cold_start.near_duplicates": 0.9}, True, True),
    ],
)
def test_what_a_recipe_reads(path: Path, overrides: dict[str, Any], on_images: bool, base_features: bool) -> None:
    recipe = read_recipe(path, overrides)
    assert (recipe.trains_on_images, recipe.uses_base_features) == (on_images, base_features)


def test_scorers(path: Path) -> None:
    scorer = read_recipe(path, {"scorer.name": "dropout"}).scorer
    assert isinstance(scorer, DropoutScorer)
    assert (scorer.passes, scorer.rate, scorer.place) == (3, 0.75, "features"), "those of DropQuery"
    scorer = read_recipe(path, {"scorer": {"name": "dropout", "passes": 20, "rate": 0.5, "place": "normalised"}}).scorer
    assert isinstance(scorer, DropoutScorer)
    assert (scorer.passes, scorer.rate, scorer.place) == (20, 0.5, "normalised")


def test_parameters_keep_their_types(path: Path) -> None:
    given: dict[str, Any] = {"balanced": True, "passes": 1, "rate": 1.0, "place": "features", "text": "1"}
    recipe = read_recipe(path, {"selector.parameters": given, "cold_start.parameters.passes": 7})
    for again in (recipe, Recipe.model_validate_json(recipe.model_dump_json())):
        assert [(name, type(value)) for name, value in again.selector.arguments.items()] == [
            (name, type(value)) for name, value in given.items()
        ]
        assert again.selector.arguments == given
        assert again.cold_start.arguments == {"passes": 7}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, {}),
        ({"selector.class_balanced": True}, {"class_balanced": True}),
        ({"selector.class_balanced": True, "selector.parameters.class_balanced": True}, {"class_balanced": True}),
        ({"selector.class_balanced": False, "selector.parameters.passes": 3}, {"passes": 3}),
        ({"selector.class_balanced": True, "selector.parameters.passes": 3}, {"passes": 3, "class_balanced": True}),
    ],
    ids=str,
)
def test_class_balanced_is_short_for_the_parameter(
    path: Path, overrides: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert read_recipe(path, overrides).selector.arguments == expected


def test_campaigns_of_earlier_versions_are_read() -> None:
    """What `campaign.json` held before there were parameters, constraints and other scorers."""
    recipe = Recipe.model_validate(
        {
            **MINE,
            "scorer": {"name": "softmax"},
            "selector": {"strategy": "entropy", "class_balanced": True},
            "cold_start": {"strategy": "random"},
        }
    )
    assert recipe.selector.arguments == {"class_balanced": True}
    assert (recipe.selector.explore, recipe.selector.quotas, recipe.selector.near_duplicates) == (0, {}, None)
    assert (recipe.selector.exclude, recipe.selector.include, recipe.cold_start.arguments) == ([], [], {})


def test_overrides_are_laid_over_the_file(path: Path) -> None:
    overrides = {"name": "yours", "trainer.epochs": 3, "schedule.warm_start": False, "selector.class_balanced": "true"}
    recipe = read_recipe(path, overrides)
    assert (recipe.name, recipe.trainer.epochs, recipe.schedule.warm_start) == ("yours", 3, False)
    assert recipe.selector.class_balanced is True
    assert recipe.selector.strategy == "entropy"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"trainer.epoch": 3}, "  trainer.epoch: unknown setting. Did you mean 'epochs'"),
        ({"colour": "red"}, "  colour: unknown setting"),
        ({"trainer.rank": 4}, "  trainer.rank: unknown setting"),
        ({"schedule.when.exactly": 1}, "  schedule.when: unknown setting"),
        ({"trainer.epochs": 0}, "  trainer.epochs: .*greater than or equal to 1; got 0"),
        ({"trainer.batch_size": 1}, "  trainer.batch_size: .*; got 1"),
        ({"trainer.learning_rate": "fast"}, "  trainer.learning_rate: .*number.*; got 'fast'"),
        ({"trainer.learning_rate": float("inf")}, "  trainer.learning_rate: .*finite"),
        ({"trainer.learning_rate": float("nan")}, "  trainer.learning_rate: "),
        ({"trainer.dropout": 1}, "  trainer.dropout: .*less than 1; got 1"),
        ({"trainer.name": "boosting"}, "  trainer: .*'boosting'.*'linear', 'dropquery'"),
        ({"trainer.name": "logistic", "trainer.epochs": 3}, "  trainer.epochs: unknown setting"),
        ({"trainer": {"name": "logistic", "strength": 0}}, "  trainer.strength: .*greater than 0; got 0"),
        ({"trainer": {"name": "logistic", "scale": -1}}, "  trainer.scale: .*greater than or equal to 0; got -1"),
        (
            {"trainer": {"name": "logistic"}, "schedule.learning_rate_drops": [5]},
            "logistic regression has no learning rate; remove schedule.learning_rate_drops",
        ),
        (
            {"trainer": {"name": "logistic"}, "schedule.learning_rate_drops": [], "alignment.mode": "relative"},
            "alignment is for trainers in epochs such as proxy, not for 'logistic'; remove it",
        ),
        ({"trainer.name": "lora", "trainer.rank": 0}, "  trainer.rank: .*; got 0"),
        ({"scorer.name": "oracle"}, "  scorer: .*'oracle'.*'softmax', 'dropout'"),
        ({"scorer.passes": 3}, "  scorer.passes: is set, but scorer.name is missing. Set that too, one of"),
        ({"scorer.foo": 1}, "  scorer.foo: unknown setting. Remove it or correct its spelling."),
        ({"scorer.name": "softmax", "scorer.passes": 3}, "  scorer.passes: unknown setting"),
        ({"scorer.name": "dropout", "scorer.passes": 0}, "  scorer.passes: .*; got 0"),
        ({"scorer.name": "dropout", "scorer.rate": 1}, "  scorer.rate: .*less than 1; got 1"),
        ({"scorer.name": "dropout", "scorer.rate": 0}, "  scorer.rate: .*greater than 0; got 0"),
        (
            {"scorer.name": "dropout", "scorer.place": "labels"},
            "  scorer.place: .*'features' or 'normalised'; got 'labels'",
        ),
        ({"selector.explore": 1.5}, "  selector.explore: .*less than or equal to 1; got 1.5"),
        ({"selector.explore": -0.1}, "  selector.explore: .*greater than or equal to 0; got -0.1"),
        ({"selector.quotas": {"north": -1}}, "  selector.quotas.north: .*; got -1"),
        ({"selector.quotas": ["north"]}, "  selector.quotas: .*dictionary"),
        ({"selector.near_duplicates": 0}, "  selector.near_duplicates: .*greater than 0; got 0"),
        ({"selector.near_duplicates": 1.1}, "  selector.near_duplicates: .*; got 1.1"),
        ({"selector.exclude": "image"}, "  selector.exclude: .*list; got 'image'"),
        ({"selector.include": [1]}, "  selector.include.0: .*string; got 1"),
        (
            {"selector.include": ["a", "b"], "selector.exclude": ["b"]},
            "  selector: sample 'b' is both excluded and included",
        ),
        ({"selector.parameters": 3}, "  selector.parameters: .*dictionary; got 3"),
        ({"selector.parameters.levels": [1, 2]}, r"  selector.parameters.levels: a parameter is .*; got \[1, 2\]"),
        ({"selector.parameters.levels": None}, "  selector.parameters.levels: a parameter is .*; got None"),
        ({"selector.parameters.rate": float("nan")}, "  selector.parameters.rate: a parameter is .*; got nan"),
        (
            {"selector.class_balanced": True, "selector.parameters.class_balanced": False},
            "  selector: class_balanced is true, but parameters.class_balanced is false",
        ),
        ({"cold_start.include": ["a"]}, "  cold_start.include: unknown setting"),
        ({"cold_start.explore": 2}, "  cold_start.explore: .*; got 2"),
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
    with pytest.raises(ConfigurationError, match=f"{path} is invalid:\n  {missing}: missing. Add it"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a mapping"),
        (b"- a\n- b\n", "is not a mapping"),
        (b"name: [", "Cannot read recipe"),
        (
            b"name: [a\nsummary: b\n",
            r"mine.yaml, line 2, column 8: expected ',' or ']', but got ':' \(while parsing a flow sequence, from line "
            r"1 on\). Correct it there.$",
        ),
        (
            b"name:\n\tfirst: 5\n",
            "mine.yaml, line 2, column 1: found character .* Indent it by spaces instead of tabs.$",
        ),
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


def test_batches_grow_with_the_labels() -> None:
    schedule = Schedule(batches_from=[(2000, 500), (3000, 50)])
    assert [schedule.batch_at(asked, 200) for asked in (0, 1999, 2000, 2999, 3000)] == [200, 200, 500, 500, 50]
    assert list(islice(schedule.labels_by_cycle(1800, 200), 4)) == [1800, 2000, 2500, 3000]
    with pytest.raises(ValidationError, match="rising numbers of labels"):
        Schedule(batches_from=[(3000, 50), (2000, 500)])
    assert "batches_from" not in Schedule().model_dump(mode="json")
    assert Schedule.model_validate_json(schedule.model_dump_json()) == schedule


def test_learning_rates_drop_in_the_recipes_of_peal_alone() -> None:
    drops = {path.stem for path in SHIPPED if read_recipe(path).schedule.learning_rate_drops}
    assert drops == {"peal_entropy", "peal_featdist", "peal_uherding"}
