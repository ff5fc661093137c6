"""The recipes that can be named: those that come with labelcycle, and files of the user's own."""

from pathlib import Path

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.recipe import Recipe, read_recipe

FOLDER = Path(__file__).parent


def recipe_path(name: str) -> Path:
    """The file of a recipe: a name from the catalogue, or the path of a YAML file.

    Raises:
        ConfigurationError: neither.
    """
    own = Path(name).expanduser()
    if own.suffix in (".yaml", ".yml"):
        return own
    path = FOLDER / f"{name}.yaml"
    if "/" in name or not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
        raise ConfigurationError(f"There is no recipe {name!r}. Choose one of {known}, or name a .yaml file.")
    return path


def all_recipes() -> list[Recipe]:
    """Every recipe of the catalogue, by name."""
    return [read_recipe(path) for path in sorted(FOLDER.glob("*.yaml"))]
