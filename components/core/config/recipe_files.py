"""Recipes in YAML files, with settings laid over them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labelcycle.components.core.config.recipe import Recipe, describe
from labelcycle.components.core.config.settings_files import read_settings
from labelcycle.components.core.errors import ConfigurationError


def read_recipe(path: Path, overrides: Mapping[str, object] | None = None) -> Recipe:
    """The recipe in a YAML file, with `overrides` (`{"trainer.epochs": 20}`) laid over it.

    Raises:
        ConfigurationError: the file is not readable YAML, or a key or value is refused; each is named.
    """
    content = read_settings(path, f"recipe {path}")
    if not isinstance(content, dict):
        raise ConfigurationError(f"Recipe {path} is not a mapping of settings. See pipelines/recipes for examples.")
    for dotted, value in (overrides or {}).items():
        override(content, dotted, value)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"Recipe {path} is invalid:\n{describe(error)}") from error


def changed_recipe(recipe: Recipe, overrides: Mapping[str, object]) -> Recipe:
    """A recipe with settings laid over it.

    Raises:
        ConfigurationError: a key or value is refused; each is named.
    """
    content = recipe.model_dump(mode="json")
    for dotted, value in overrides.items():
        override(content, dotted, value)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"Recipe {recipe.name!r} is invalid with these changes:\n{describe(error)}") from error


def override(content: dict[str, Any], dotted: str, value: object) -> None:
    """Set `content[a][b]` for the name `a.b`, in place.

    Raises:
        ConfigurationError: there is a single value where a group should be.
    """
    *groups, last = dotted.split(".")
    settings = content
    for group in groups:
        settings = settings.setdefault(group, {})
        if not isinstance(settings, dict):
            raise ConfigurationError(f"Setting {dotted!r} does not exist: {group!r} is a single value, not a group.")
    settings[last] = value
