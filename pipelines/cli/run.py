"""`labelcycle run`: run cycles on this machine."""

import shlex
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.errors import WAITING_FOR_LABELS
from labelcycle.pipelines.cli.arguments import absolute

if TYPE_CHECKING:
    from labelcycle.components.core.campaign.campaign import Campaign


class EngineName(StrEnum):
    """What runs the stages."""

    local = "local"
    kfp = "kfp"


def run(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    until_accuracy: Annotated[
        float | None, typer.Option(min=0, max=1, help="Stop once the test accuracy is at least this.")
    ] = None,
    cycles: Annotated[int | None, typer.Option(min=0, help="Stop after this many trained cycles.")] = None,
    labels_from: Annotated[str, typer.Option(help="Read this label file instead of the campaign's own source.")] = "",
    engine: Annotated[
        EngineName,
        typer.Option(help="local keeps one process for all stages; kfp runs the pipeline of Kubeflow on this machine."),
    ] = EngineName.local,
) -> None:
    """Run cycles until the budget is spent, a target is met, or labels are awaited (exit code 3).

    A run may be stopped or killed at any moment and started again: it continues from the last committed cycle.
    """
    from labelcycle.components.core.campaign.campaign import load_campaign
    from labelcycle.components.core.storage import open_store
    from labelcycle.components.publish.mlflow_record import record_in_mlflow
    from labelcycle.pipelines.local.campaign_loop import run_campaign
    from labelcycle.pipelines.local.outcome import CycleRun

    page = ""

    def report(run: CycleRun) -> None:
        nonlocal page
        facts = run.facts["publish"]
        page = str(facts["report"])
        said = facts["accuracy_in_words"]
        figure = f"{facts['labels']} labels, {said}" if said else "cold start"
        asked = f", {facts['query_size']} samples to label next" if facts["query_size"] else ""
        print(f"cycle {facts['cycle']}: {figure}{asked}", flush=True)

    end = run_campaign(root, absolute(labels_from), until_accuracy, cycles, report, engine.value)
    if not end.recorded:
        record_in_mlflow(root)
    if page:
        print(f"report: {page}", file=sys.stderr)
    if end.end == "waiting":
        print(f"waiting for labels: {end.reason}", file=sys.stderr)
        for line in _what_to_do(load_campaign(open_store(root)), root, absolute(labels_from)):
            print(line, file=sys.stderr)
        raise typer.Exit(WAITING_FOR_LABELS)
    print(f"{'done' if end.end != 'cycles' else 'stopped'}: {end.reason}")


def _what_to_do(campaign: "Campaign", root: str, labels_from: str) -> list[str]:
    """How labels that are awaited may come, in words; `labels_from` is an address, or empty."""
    from labelcycle.components.core.campaign.own_labels import is_own_table

    source = labels_from or campaign.labels_from
    if source is not None and is_own_table(source):
        return ["deliver them in a file with --labels-from, and run again"]
    words = ["fill them in there, or deliver a file with --labels-from, and run again"]
    if source is None and campaign.labelling.tool is None and campaign.backbone is not None:
        name = " --annotator NAME" if campaign.labelling.by_several_people else ""
        words.append(f"or label in the browser: labelcycle label {shlex.quote(root)}{name}")
    return words
