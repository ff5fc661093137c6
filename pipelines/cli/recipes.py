"""`labelcycle recipes`: the methods to choose from."""

import json
from typing import Annotated, Any

import typer
import yaml

WIDTH = 100


def recipes(
    name: Annotated[
        str | None, typer.Argument(help="Of one recipe, or the path of a YAML file: print it with every setting.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """List the recipes: what each does, where it comes from, and what it costs. With a name, print that recipe.

    Example: labelcycle recipes margin > ours.yaml, change it, then labelcycle init ROOT … --recipe ours.yaml
    """
    from labelcycle.components.core.config.recipe_files import read_recipe
    from labelcycle.pipelines.recipes.catalogue import all_recipes, recipe_path

    if name is not None:
        settings = read_recipe(recipe_path(name)).model_dump(mode="json")
        print(json.dumps(settings, indent=2) if as_json else _as_yaml(settings), end="\n" if as_json else "")
        return
    found = all_recipes()
    if as_json:
        print(json.dumps([recipe.model_dump(mode="json") for recipe in found], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_lines=True)
    table.add_column("recipe", no_wrap=True)
    for heading in ("what it does", "works on", "cost", "source"):
        table.add_column(heading)
    for recipe in found:
        works_on = "images" if recipe.needs_images else "images, embeddings"
        table.add_row(recipe.name, recipe.summary, works_on, recipe.cost, recipe.source)
    Console().print(table)


def _as_yaml(settings: dict[str, Any]) -> str:
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=WIDTH)
