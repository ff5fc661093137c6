"""`labelcycle stage`: one stage as a process of its own, for Argo, scripts and debugging. Prints its facts as JSON.

The commands are made of the table of stages: each takes what its stage takes.
"""

import inspect
import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from labelcycle.pipelines.cli.arguments import absolute
from labelcycle.pipelines.graph import CYCLE, PREDICTION, Stage

app = typer.Typer(help="Run one stage of a cycle or a prediction and print its facts as JSON.", no_args_is_help=True)


class Target(StrEnum):
    """The feature spaces of a cycle."""

    base = "base"
    tuned = "tuned"


NEEDED = inspect.Parameter.empty

OPTIONS: dict[str, tuple[Any, Any]] = {
    "root": (Annotated[str, typer.Option(help="The campaign: a folder or s3://bucket/prefix.")], NEEDED),
    "cycle": (Annotated[int, typer.Option(min=0, help="The cycle, from label_ingest's facts.")], NEEDED),
    "attempt": (Annotated[str, typer.Option(help="The attempt, from label_ingest's facts.")], NEEDED),
    "target": (
        Annotated[Target, typer.Option(help="The backbone as it comes, or under this cycle's adapter.")],
        NEEDED,
    ),
    "labels_from": (Annotated[str, typer.Option(help="A label file instead of the campaign's own source.")], ""),
    "finalize": (Annotated[bool, typer.Option(help="Train the final model, and end the campaign.")], False),
    "failure": (
        Annotated[str, typer.Option(help="What failed, in words; empty to look for a cycle that was begun.")],
        "",
    ),
    "images": (
        Annotated[str, typer.Option(help="A folder, an s3:// prefix or a .txt list of images; empty for the pool.")],
        "",
    ),
    "model": (Annotated[str, typer.Option(help="champion, final, or the number of a cycle.")], "champion"),
    "prediction": (Annotated[str, typer.Option(help="The prediction, from prediction_start's facts.")], NEEDED),
    "output": (
        Annotated[str, typer.Option(help="A .parquet or .csv file for all predictions; empty for none.")],
        "",
    ),
    "shard": (Annotated[int, typer.Option(min=0, help="Which part of the work, from 0.")], 0),
    "shards": (Annotated[int, typer.Option(min=1, help="How many parts there are.")], 1),
    "facts": (Annotated[Path | None, typer.Option("--facts", help="Write the facts to this file as well.")], None),
    "outputs": (
        Annotated[Path | None, typer.Option(help="Write each fact to a file of its own in this folder, by name.")],
        None,
    ),
}
"""What an option of a command is, and its default, by name; in the order in which `--help` shows them."""


def command_of(stage: Stage) -> Callable[..., None]:
    """The command that runs a stage, with an option for everything that the stage takes."""
    shards = ("shard", "shards") if stage.sharded else ("shards",) if stage.counts_shards else ()
    takes = {"root", *stage.takes, *shards, "facts", "outputs"}

    def command(facts: Path | None = None, outputs: Path | None = None, **arguments: Any) -> None:
        if "labels_from" in arguments:
            arguments["labels_from"] = absolute(arguments["labels_from"])
        if "target" in arguments:
            arguments["target"] = arguments["target"].value
        _run(stage.name, arguments, facts, outputs)

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in OPTIONS.items()
        if name in takes
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _run(stage: str, arguments: dict[str, Any], file: Path | None, outputs: Path | None) -> None:
    """Run a stage, and write its facts."""
    from labelcycle.pipelines.one_stage import run_stage

    facts = run_stage(stage, **arguments).as_metadata()
    text = json.dumps(facts)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    if outputs is not None:
        outputs.mkdir(parents=True, exist_ok=True)
        for name, value in facts.items():
            (outputs / name).write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    print(text)


for _stage in (*CYCLE.stages, *PREDICTION.stages):
    app.command(_stage.name, help=_stage.does)(command_of(_stage))
