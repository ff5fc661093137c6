"""The recipes that can be named: those that come with labelcycle, and files of the user's own."""

from pathlib import Path

from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.settings_files import named_file

FOLDER = Path(__file__).parent


def recipe_path(name: str) -> Path:
    """The file of a recipe: a name from the catalogue, or the path of a YAML file.

    Raises:
        ConfigurationError: neither.
    """
    return named_file("recipe", FOLDER, name)


def all_recipes() -> list[Recipe]:
    """Every recipe of the catalogue, by name."""
    return [read_recipe(path) for path in sorted(FOLDER.glob("*.yaml"))]
