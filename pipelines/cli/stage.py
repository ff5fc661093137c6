"""`labelcycle stage`: one stage as a process of its own, for Argo, scripts and debugging. Prints its facts as JSON."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from labelcycle.pipelines.cli.arguments import absolute

app = typer.Typer(help="Run one stage of a cycle and print its facts as JSON.", no_args_is_help=True)

Root = Annotated[str, typer.Option(help="The campaign: a folder or s3://bucket/prefix.")]
Cycle = Annotated[int, typer.Option(min=0, help="The cycle, from label_ingest's facts.")]
AttemptName = Annotated[str, typer.Option(help="The attempt, from label_ingest's facts.")]
Shard = Annotated[int, typer.Option(min=0, help="Which part of the work, from 0.")]
Shards = Annotated[int, typer.Option(min=1, help="How many parts there are.")]
FactsFile = Annotated[Path | None, typer.Option("--facts", help="Write the facts to this file as well.")]
Outputs = Annotated[Path | None, typer.Option(help="Write each fact to a file of its own in this folder, by name.")]


class Target(StrEnum):
    """The feature spaces of a cycle."""

    base = "base"
    tuned = "tuned"


def _write_result(result: Any, file: Path | None, outputs: Path | None) -> None:
    facts = result.as_metadata()
    text = json.dumps(facts)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    if outputs is not None:
        outputs.mkdir(parents=True, exist_ok=True)
        for name, value in facts.items():
            (outputs / name).write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    print(text)


@app.command("label_ingest")
def label_ingest(
    root: Root,
    labels_from: Annotated[str, typer.Option(help="A label file instead of the campaign's own source.")] = "",
    finalize: Annotated[bool, typer.Option(help="Train the final model, and end the campaign.")] = False,
    facts: FactsFile = None,
    outputs: Outputs = None,
) -> None:
    """Read new labels and decide: cold_start, train, wait or done."""
    from labelcycle.components.label_ingest.stage import run

    _write_result(run(root=root, labels_from=absolute(labels_from), finalize=finalize), facts, outputs)


@app.command("embed")
def embed(
    root: Root,
    cycle: Cycle,
    attempt: AttemptName,
    target: Annotated[Target, typer.Option(help="The backbone as it comes, or under this cycle's adapter.")],
    shard: Shard = 0,
    shards: Shards = 1,
    facts: FactsFile = None,
    outputs: Outputs = None,
) -> None:
    """Make sure that a feature space holds what this cycle needs."""
    from labelcycle.components.embed.stage import run

    _write_result(run(root, cycle, attempt, target.value, shard, shards), facts, outputs)


@app.command("train_adapter")
def train_adapter(
    root: Root, cycle: Cycle, attempt: AttemptName, facts: FactsFile = None, outputs: Outputs = None
) -> None:
    """Train the recipe's model on every label so far."""
    from labelcycle.components.train_adapter.stage import run

    _write_result(run(root, cycle, attempt), facts, outputs)


@app.command("evaluate")
def evaluate(root: Root, cycle: Cycle, attempt: AttemptName, facts: FactsFile = None, outputs: Outputs = None) -> None:
    """Measure this cycle's model on the test set."""
    from labelcycle.components.evaluate.stage import run

    _write_result(run(root, cycle, attempt), facts, outputs)


@app.command("score")
def score(
    root: Root,
    cycle: Cycle,
    attempt: AttemptName,
    shard: Shard = 0,
    shards: Shards = 1,
    facts: FactsFile = None,
    outputs: Outputs = None,
) -> None:
    """Ask the current model about the unlabelled pool."""
    from labelcycle.components.score.stage import run

    _write_result(run(root, cycle, attempt, shard, shards), facts, outputs)


@app.command("select")
def select(
    root: Root, cycle: Cycle, attempt: AttemptName, shards: Shards = 1, facts: FactsFile = None, outputs: Outputs = None
) -> None:
    """Choose the next samples to label."""
    from labelcycle.components.select.stage import run

    _write_result(run(root, cycle, attempt, shards), facts, outputs)


@app.command("publish")
def publish(root: Root, cycle: Cycle, attempt: AttemptName, facts: FactsFile = None, outputs: Outputs = None) -> None:
    """Commit the cycle, deliver its query and record it in MLflow."""
    from labelcycle.components.publish.mlflow_record import record_in_mlflow
    from labelcycle.components.publish.stage import run

    published = run(root, cycle, attempt)
    record_in_mlflow(root)
    _write_result(published, facts, outputs)
