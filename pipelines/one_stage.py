"""One stage of a cycle by its name, with all that belongs to it: tries, and the record in MLflow."""

import importlib
from typing import Any

from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.runtime.retries import with_retries
from labelcycle.pipelines.graph import STAGES


def run_stage(name: str, **arguments: Any) -> Facts:
    """Run a stage in this process, as its component does in a pod.

    Args:
        name: of the stage.
        arguments: of its `run`.
    """
    facts = run_alone(name, **arguments)
    if STAGES[name].tells_mlflow:
        from labelcycle.components.publish.mlflow_record import record_in_mlflow

        record_in_mlflow(arguments["root"])
    return facts


def run_alone(name: str, **arguments: Any) -> Facts:
    """The same, but for the record in MLflow, which the caller sees to."""
    run = importlib.import_module(STAGES[name].module).run
    facts: Facts = with_retries(run)(**arguments)
    return facts
