"""A backtest in MLflow: a run for the backtest, and below it one for each strategy, with its curve over the labels."""

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking import experiments as tags
from labelcycle.components.tracking.experiments import experiment_id, prepared_run
from labelcycle.components.tracking.location import tracking_location
from labelcycle.components.tracking.mlflow_session import mlflow_at
from labelcycle.pipelines.backtest.leaderboard import Leaderboard, LeaderboardEntry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

BACKTEST = "labelcycle.backtest"
STRATEGY = "labelcycle.strategy"


def record_backtest(root: str, found: Leaderboard, files: dict[str, bytes]) -> str:
    """Log a backtest. The same results twice are logged once; a record that was cut short is completed.

    Args:
        root: its MLflow is used, where the environment names no other.
        found: the entries.
        files: the report's files by name, which become artifacts.

    Returns:
        MLflow's id of the backtest's run.

    Raises:
        TransientError: MLflow cannot be reached or failed.
        ConfigurationError: MLflow refuses the credentials or the settings.
    """
    location = tracking_location(open_store(root))
    with mlflow_at(location):
        from mlflow import MlflowClient
        from mlflow.entities import RunTag

        client = MlflowClient(tracking_uri=location.uri, registry_uri=location.registry_uri)
        experiment = experiment_id(client, location, prepared_run(client), tags.BACKTESTS)
        mark = _mark(found)
        known = _known(client, experiment, mark)
        parent = known.get("") or _begin(client, experiment, "backtest", _parent_tags(found, mark))
        identifier: str = parent.info.run_id
        if tags.COMPLETE in parent.data.tags:
            return identifier
        _log_settings(client, parent, _settings(found))
        for entry in found.entries:
            marks = {tags.PARENT: identifier, tags.KIND: "backtest-arm", BACKTEST: mark, STRATEGY: entry.title}
            run = known.get(entry.title) or _begin(client, experiment, entry.title, marks)
            _log_settings(client, run, {"strategy": entry.title, "seeds": entry.seeds})
            client.log_batch(run.info.run_id, metrics=_metrics(run, entry, found.plan.labels))
            client.set_terminated(run.info.run_id, "FINISHED")
        _log_files(client, identifier, files)
        client.set_terminated(identifier, "FINISHED")
        client.log_batch(identifier, tags=[RunTag(tags.COMPLETE, "true")])
        return identifier


def _mark(found: Leaderboard) -> str:
    """What sets this backtest's results apart from all others: the plan, and the seconds and curves of its arms."""
    return digest_of_json(found.as_facts())[:16]


def _known(client: "MlflowClient", experiment: str, mark: str) -> "dict[str, Run]":
    """Runs of this backtest that MLflow has, by strategy; that of the whole backtest under the empty name."""
    found = client.search_runs([experiment], f"tags.`{BACKTEST}` = '{mark}'", order_by=["attributes.start_time DESC"])
    return {run.data.tags.get(STRATEGY, ""): run for run in found}


def _begin(client: "MlflowClient", experiment: str, name: str, marks: dict[str, str]) -> "Run":
    return client.create_run(experiment, start_time=int(time.time() * 1000), run_name=name, tags=marks)


def _parent_tags(found: Leaderboard, mark: str) -> dict[str, str]:
    marks = {tags.KIND: "backtest", BACKTEST: mark, tags.ROOT: found.plan.source, tags.NOTE: found.verdict}
    if prepared := os.environ.get("MLFLOW_RUN_ID"):
        marks[tags.PARENT] = prepared
    if pipeline_run := os.environ.get("KFP_RUN_ID"):
        marks[tags.KFP_RUN] = pipeline_run
    return marks


def _settings(found: Leaderboard) -> dict[str, object]:
    plan = found.plan
    return {
        "source": plan.source,
        "history_sha256": plan.history.sha256,
        "classes": len(plan.classes),
        "strategies": len(plan.compared),
        "seeds": plan.seeds,
        "initial": plan.initial,
        "batch": plan.batch,
        "cycles": plan.cycles,
        "price_per_label": plan.prices.label,
        "annotators_per_label": plan.prices.annotators_per_label,
        "price_per_cpu_hour": plan.prices.cpu_hour,
        **{f"trainer.{name}": value for name, value in plan.trainer.model_dump(mode="json").items()},
        **{f"schedule.{name}": value for name, value in plan.schedule.model_dump(mode="json").items()},
    }


def _log_settings(client: "MlflowClient", run: "Run", settings: dict[str, object]) -> None:
    from mlflow.entities import Param

    if not run.data.params:
        client.log_batch(run.info.run_id, params=[Param(name, str(value)) for name, value in settings.items()])


def _metrics(run: "Run", entry: LeaderboardEntry, labels: list[int]) -> "list[Metric]":
    """Curves with the number of labels as their step, and single figures at the last.

    All bear the time at which the run began, so that MLflow knows them again when they are logged twice.
    """
    from mlflow.entities import Metric

    began = run.info.start_time
    curves = {"accuracy": entry.accuracy.mean, "macro_f1": entry.macro_f1.mean}
    if entry.accuracy.half_width is not None:
        both = list(zip(entry.accuracy.mean, entry.accuracy.half_width, strict=True))
        curves["accuracy_low"] = [mean - half for mean, half in both]
        curves["accuracy_high"] = [mean + half for mean, half in both]
    found = [
        Metric(name, value, began, step)
        for name, curve in curves.items()
        for step, value in zip(labels, curve, strict=True)
    ]
    return found + [Metric(name, value, began, labels[-1]) for name, value in _figures(entry).items()]


def _figures(entry: LeaderboardEntry) -> dict[str, float]:
    figures = {
        "system/training_seconds": entry.training_seconds,
        "system/selection_seconds": entry.selection_seconds,
    }
    if entry.saved is not None and entry.cost is not None:
        figures |= {
            "saving_ratio": entry.saved.ratio,
            "saving_ratio_lowest_seed": entry.saved.lowest,
            "saving_ratio_highest_seed": entry.saved.highest,
            "censored_share": entry.saved.censored_share,
            "labels_needed": entry.saved.labels_needed,
            "cost": entry.cost.total,
        }
    return figures


def _log_files(client: "MlflowClient", run_id: str, files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="labelcycle-mlflow-") as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        client.log_artifacts(run_id, folder)
