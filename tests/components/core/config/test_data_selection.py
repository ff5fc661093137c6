"""The settings of a data selection."""

from typing import Any

import pytest

from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.selection_loops import DataSelection
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.recipes.catalogue import recipe_path


@pytest.mark.parametrize(("loops", "total"), [(1, 7), (3, 750), (4, 10), (5, 5)])
def test_loops_share_all_batches(loops: int, total: int) -> None:
    settings = DataSelection(loops=loops, total_batches=total)
    shares = [settings.batches(loop) for loop in range(1, loops + 1)]
    assert [number for share in shares for number in share] == list(range(total))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert all(settings.points(loop)[-1] == shares[loop - 1].stop for loop in range(1, loops + 1))


def test_points_are_at_equal_distances() -> None:
    assert DataSelection(total_batches=300, measurements=4).points(2) == [125, 150, 175, 200]
    assert DataSelection(total_batches=6, measurements=4).points(1) == [1, 2]


def test_the_recipe_has_the_papers_figures() -> None:
    recipe = read_recipe(recipe_path("vecaf"))
    trainer, settings = recipe.trainer, recipe.data_selection
    assert settings is not None and (settings.loops, settings.total_batches) == (3, 750)
    assert (trainer.batch_size, trainer.learning_rate, trainer.weight_decay, trainer.momentum) == (256, 5e-4, 1e-4, 0.9)
    assert (trainer.optimiser, trainer.annealing) == ("sgd", "cosine")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data_selection.total_batches": 2}, "leaves a loop without any"),
        ({"data_selection.target": "cat"}, "target is for the objective one_vs_rest"),
        ({"data_selection.objective": "one_vs_rest", "data_selection.target": "rest"}, "rename it"),
        ({"trainer": {"name": "dropquery"}}, "trains linear or ft, not 'dropquery'"),
        ({"schedule.warm_start": False}, "continues from loop to loop"),
    ],
)
def test_settings_that_do_not_agree(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_recipe(recipe_path("vecaf"), settings)
