"""What an active learner in memory can follow: recipes that need features and labels alone, and classes."""

from collections.abc import Hashable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.trainers import FeatureTrainer
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.pipelines.api.places import recipe_named
from labelcycle.pipelines.api.python_arguments import is_missing, list_of, shown
from labelcycle.pipelines.initialise.query_settings import check_strategies
from labelcycle.pipelines.recipes.catalogue import recipe_path


def recipe_in_memory(name: str | PathLike[str], overrides: Mapping[str, object]) -> Recipe:
    """The recipe, if all that it says can be done with features in memory.

    Raises:
        ConfigurationError: it cannot, or a setting is refused.
    """
    recipe = read_recipe(recipe_path(recipe_named(name)), overrides)
    if not isinstance(recipe.trainer, FeatureTrainer) or recipe.needs_images or recipe.data_selection is not None:
        raise ConfigurationError(
            f"Recipe {recipe.name!r} trains on images or on labels of the whole pool, and there are features alone "
            "here. Choose one for frozen features, such as uherding, or begin a Campaign."
        )
    refused = {
        "selector.recheck": recipe.selector.recheck,
        "selector.quotas": recipe.selector.quotas,
        "cold_start.quotas": recipe.cold_start.quotas,
        "stop": recipe.stop.is_set,
    }
    for setting, given in refused.items():
        if given:
            raise ConfigurationError(
                f"{setting} needs more than features and labels. Leave it out, or begin a Campaign."
            )
    if recipe.schedule.batches_from:
        raise ConfigurationError("schedule.batches_from: ask says how many labels are asked for. Leave it out.")
    check_strategies(recipe)
    return recipe


def check_lists(recipe: Recipe, ids: npt.NDArray[np.str_]) -> None:
    """Check the lists of samples in a recipe against those that there are.

    Raises:
        ConfigurationError: a sample that is none of them.
    """
    known = {*ids.tolist()}
    for setting, names in (("exclude", recipe.selector.exclude), ("include", recipe.selector.include)):
        for name in names:
            if name not in known:
                raise ConfigurationError(f"selector.{setting}: there is no sample {name!r}. Correct it.")


def checked_classes(classes: Sequence[Hashable]) -> list[Any]:
    """The classes as a list.

    Raises:
        InputError: fewer than two, or one twice.
    """
    found = list_of("classes", [] if isinstance(classes, str) else classes)
    named = all(isinstance(name, Hashable) and not is_missing(name) for name in found)
    if not named or len(found) < 2 or len({*found}) < len(found):
        raise InputError(f"classes are two or more distinct names; got {shown(classes)}. Name all that there can be.")
    return found
