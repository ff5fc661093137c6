"""The catalogue of recipes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.trainers import DropQueryTrainer, FineTuner, LogisticTrainer, ProbeThenFineTuner
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select import STRATEGIES
from labelcycle.pipelines.backtest.prepare import RECIPE
from labelcycle.pipelines.recipes.catalogue import all_recipes, recipe_path


def test_recipes_carry_the_name_of_their_file() -> None:
    names = [recipe.name for recipe in all_recipes()]
    assert names == sorted(names) and {"random", "linear_probe", "peal_entropy"} <= set(names)
    assert all(recipe_path(name).stem == name for name in names)


def test_recipes_name_strategies_that_exist() -> None:
    for recipe in all_recipes():
        assert {recipe.selector.strategy, recipe.cold_start.strategy} <= STRATEGIES.keys()


@pytest.mark.parametrize("name", [recipe.name for recipe in all_recipes()])
def test_every_recipe_runs(
    begin: Callable[..., Any], begin_on_small_network: Callable[..., Any], text_encoder: Path, name: str
) -> None:
    """The first query, one chosen with a model, and what every sample in them says about itself."""
    recipe = read_recipe(recipe_path(name))
    few: dict[str, Any] = {"trainer.epochs": 1, "trainer.batch_size": 16} if recipe.trains_on_images else {}
    given: dict[str, Any] = {}
    if recipe.data_selection is not None:
        few["data_selection.total_batches"] = 6
        given["text_encoder"] = str(text_encoder)
    campaign = (begin_on_small_network if recipe.needs_images else begin)(recipe=name, overrides=few, **given)
    campaign.run_cycle()
    assert campaign.run_until("select").size == (0 if recipe.cold_start.single_shot else 8)
    query = pq.read_table(pa.BufferReader(campaign.work.read("query.parquet")))
    assert query["predicted"].null_count == query["reason"].null_count == 0


def test_the_default_has_all_that_saves_labels() -> None:
    """What the ablations of `tests/bench/RESULTS.md` measure against: what it would be dear to lose."""
    recipe = read_recipe(recipe_path(RECIPE))
    assert isinstance(recipe.trainer, LogisticTrainer) and recipe.trainer.unlabelled == "spread"
    strengths = [recipe.trainer.strength_of(labels) for labels in (10, 100, 1000)]
    assert strengths[0] < 0.0125 < strengths[1] < 0.05 < 0.1 < strengths[2], "few labels are held back from little"
    assert (recipe.embedding.pooling, recipe.selector.strategy, recipe.cold_start.strategy) == (
        "auto",
        "uherding",
        "kmeans",
    )


def test_asvp_is_as_the_paper_has_it() -> None:
    recipe = read_recipe(recipe_path("asvp"))
    assert recipe.alignment is not None and recipe.final is not None and recipe.final.aligned is not None
    assert (recipe.trainer.name, recipe.selector.strategy) == ("proxy", "margin")
    alignment = recipe.alignment
    assert (alignment.mode, alignment.limit, alignment.max_updates) == ("absolute", 1.0, 1)
    assert (recipe.final.trainer.name, recipe.final.aligned.name) == ("lp_ft", "ft")
    for own, paper in ((recipe.final.trainer, ProbeThenFineTuner()), (recipe.final.aligned, FineTuner())):
        assert own == paper
    assert alignment.trainer == FineTuner() and not recipe.schedule.warm_start


def test_dropquery_asks_as_its_head_has_learnt() -> None:
    recipe = read_recipe(recipe_path("dropquery"))
    assert isinstance(recipe.trainer, DropQueryTrainer) and isinstance(recipe.scorer, DropoutScorer)
    assert recipe.scorer.place == "features"
    assert recipe.trainer.dropout == recipe.scorer.rate == 0.75
    assert recipe.scorer.passes == recipe.selector.parameters["passes"] == 3
    assert not recipe.schedule.warm_start


def test_learning_rates_drop_in_peals_recipes_alone() -> None:
    """A head on frozen features that goes on at a hundredth of its rate learns nothing from the later labels."""
    dropping = {recipe.name: recipe.schedule.learning_rate_drops for recipe in all_recipes()}
    peal = {"peal_entropy", "peal_featdist", "peal_uherding"}
    assert dropping == {name: [5, 8] if name in peal else [] for name in dropping} and peal <= dropping.keys()


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    assert recipe_path(str(tmp_path / "mine.yml")) == tmp_path / "mine.yml"


@pytest.mark.parametrize("name", ["unknown", "../recipes/random", ""])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="Choose one of .*linear_probe.*, or name a .yaml file"):
        recipe_path(name)
