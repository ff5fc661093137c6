"""`labelcycle finalize`: train the model that the campaign keeps."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.cli.arguments import absolute

if TYPE_CHECKING:
    from labelcycle.components.core.campaign.state import State
    from labelcycle.components.core.campaign.training import TrainingFacts
    from labelcycle.components.core.storage import Store


def finalize(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    end_early: Annotated[
        bool,
        typer.Option("--end-early", help="Finalize although labels of the budget are left, which ends the campaign."),
    ] = False,
    labels_from: Annotated[str, typer.Option(help="Read this label file instead of the campaign's own source.")] = "",
) -> None:
    """Train the final model as the recipe says, on every label so far; it is one more cycle, which asks for nothing.

    A second call reports the model. Where the recipe has no final training, the last cycle's model is the final one.
    """
    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.storage import open_store
    from labelcycle.components.notification.occasions import told_of_failures
    from labelcycle.components.publish.mlflow_record import record_in_mlflow
    from labelcycle.pipelines.local.engine import run_cycle

    store = open_store(root)
    state = read_state(store)
    if state.campaign.recipe.final is None:
        _report_last(state)
        return
    if state.phase != "done" and not end_early:
        raise ConfigurationError(_not_spent(state))
    if state.final is None:
        with told_of_failures(root):
            run = run_cycle(root, absolute(labels_from), title="final model", finalize=True)
        if "record" not in run.facts:
            record_in_mlflow(root)
        state = read_state(store)
    else:
        record_in_mlflow(root)
    _report_final(store, state)


def _not_spent(state: "State") -> str:
    spent = state.summaries[-1].answers if state.summaries else 0
    return (
        f"The campaign goes on: {spent} of {state.campaign.budget} labels are spent. Finish it with labelcycle run, or "
        "end it here with --end-early; answers to the last query are trained on, and no more is asked."
    )


def _report_last(state: "State") -> None:
    name = state.campaign.recipe.name
    if not state.trained:
        print(f"recipe {name!r} has no final training, and no cycle has trained a model yet")
        return
    last = state.trained[-1]
    print(f"recipe {name!r} has no final training: the model of cycle {last.cycle} is the final one")
    print(f"{last.labels} labels, {last.accuracy_in_words}")


def _report_final(store: "Store", state: "State") -> None:
    from labelcycle.components.core.campaign.training import TrainingFacts
    from labelcycle.components.core.storage.objects import read_record

    final = state.final
    assert final is not None
    objects = state.commits[final.cycle].objects
    print(f"final model: cycle {final.cycle}, {final.labels} labels, {final.accuracy_in_words}")
    print(_how_trained(read_record(store, objects["training"], TrainingFacts)))
    print(f"report: {store.locate(objects['report'].key)}", file=sys.stderr)


def _how_trained(training: "TrainingFacts") -> str:
    """The trainer and where the recipe has its settings; models of earlier versions do not record the latter."""
    by = f"trained by {training.trainer}"
    return by if training.settings is None else f"{by}, with {training.settings} of the recipe"
