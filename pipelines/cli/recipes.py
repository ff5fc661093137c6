"""`labelcycle recipes`: the methods to choose from."""

import json
from typing import Annotated

import typer


def recipes(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False) -> None:
    """List the recipes: what each does, where it comes from, and what it costs."""
    from labelcycle.pipelines.recipes.catalogue import all_recipes

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
