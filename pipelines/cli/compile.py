"""`labelcycle compile`: the pipelines as packages for Kubeflow Pipelines."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.config.environment import IMAGE
from labelcycle.components.core.errors import ConfigurationError

if TYPE_CHECKING:
    from labelcycle.pipelines.kubeflow.explain import Explanation, Run

WIDTH = 210
"""Columns of the tables, whatever the terminal's width, so that a log file is readable too."""


def compile_packages(
    output: Annotated[
        Path | None, typer.Option(help="Folder for cycle.yaml, cycle_in_shards.yaml, backtest.yaml and predict.yaml.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="What each stage asks of the cluster: small, gpu, a100, or a YAML file of your own.")
    ] = "small",
    image: Annotated[
        str,
        typer.Option(
            help="Image of all stages, with a tag. Stages with a GPU run in the one whose tag ends in -cuda besides.",
        ),
    ] = IMAGE,
    shards: Annotated[
        int | None,
        typer.Option(min=1, help="Parts of embed and score that cycle.yaml has tasks for; else the profile's."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Leave out stages that this recipe, by name or file, cannot need; else for any recipe."),
    ] = None,
    notify: Annotated[
        bool, typer.Option("--notify", help="End each cycle by telling people where it failed; three pods more.")
    ] = False,
    explained: Annotated[
        bool, typer.Option("--explain", help="Print parameters, size and pods of each package.")
    ] = False,
) -> None:
    """Compile the pipelines of a cycle, a backtest and a prediction for Kubeflow Pipelines.

    cycle.yaml has the fewest pods, for one number of shards; cycle_in_shards.yaml takes any number from its runs.

    Upload the files in its web interface or with `kfp pipeline create`, or let `labelcycle submit` and
    `labelcycle schedule` compile by themselves.
    """
    from labelcycle.components.core.config.recipe_files import read_recipe
    from labelcycle.pipelines.kubeflow.explain import explain
    from labelcycle.pipelines.kubeflow.package import PIPELINES, write_package
    from labelcycle.pipelines.profiles.profile import read_profile
    from labelcycle.pipelines.recipes.catalogue import recipe_path

    if output is None and not explained:
        raise ConfigurationError(
            "Nothing to do. Name a folder with --output, or see with --explain what it would hold."
        )
    chosen = read_profile(profile)
    features_stay = recipe is not None and not read_recipe(recipe_path(recipe)).changes_features
    with tempfile.TemporaryDirectory() as scratch:
        for name in PIPELINES:
            path = (output or Path(scratch)) / f"{name}.yaml"
            write_package(name, path, chosen, image, shards, features_stay, notify)
            if output is not None:
                print(path)
            if explained:
                _show(explain(path))


def _show(package: "Explanation") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, width=WIDTH)
    console.print(f"\n{package.name}: {package.size:,} bytes, {len(package.pods)} stages", highlight=False)
    for name, default in package.parameters.items():
        console.print(f"  {name}: {default}", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("stage", no_wrap=True)
    for heading in ("pods", "cores", "memory", "accelerator", "retries", "seconds", "with pulling", "cached", "image"):
        table.add_column(heading)
    for pod in package.pods:
        table.add_row(
            pod.path,
            f"each of {pod.each}" if pod.each else "1",
            pod.cpu,
            pod.memory,
            pod.accelerator or "–",
            str(pod.retries),
            str(pod.timeout or "–"),
            str(pod.pod_timeout or "–"),
            "yes" if pod.cached else "no",
            pod.image,
        )
    console.print(table)
    _show_runs(package.runs)


def _show_runs(runs: "list[Run]") -> None:
    """What a run is in pods: those of stages, and the drivers by which the platform resolves their inputs."""
    from rich.console import Console
    from rich.table import Table

    lists = sorted({name for run in runs for name in run.lists})
    table = Table(box=None, pad_edge=False)
    for heading in (
        "a run",
        "pods",
        "of stages",
        "drivers",
        "one after another",
        *(f"more for each further of {name}" for name in lists),
    ):
        table.add_column(heading, no_wrap=True)
    for run in runs:
        one = run.count()
        more = [run.count({name: 2}).pods - one.pods for name in lists]
        title = f"where {run.condition} holds" if run.condition else "where no condition holds" if len(runs) > 1 else ""
        table.add_row(title or "each", *map(str, (one.pods, one.stages, one.drivers, run.levels, *more)))
    Console(file=sys.stdout, width=WIDTH).print("", table)
