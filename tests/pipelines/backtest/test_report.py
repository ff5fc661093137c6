"""The report: files in the backtest's folder, curves as a picture, and a record in MLflow."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from matplotlib.axes import Axes
from PIL import Image

from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.storage import Store, open_store
from labelcycle.pipelines.backtest import arm, report
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, BacktestPlan, Chooser, ComparedStrategy, write_plan
from labelcycle.pipelines.backtest.labelled_history import LabelledHistory, write_history
from labelcycle.pipelines.backtest.leaderboard import leaderboard
from labelcycle.pipelines.backtest.plot import draw_curves
from labelcycle.pipelines.backtest.report import gather

CURVES = {"random": (0.5, 0.6, 0.8), "entropy": (0.5, 0.8, 0.9)}


@pytest.fixture
def ended(stored: tuple[Store, BacktestPlan], cycles: Callable[..., Any]) -> tuple[Store, BacktestPlan]:
    """A backtest whose arms have ended, with made-up curves."""
    store, plan = stored
    plan = plan.model_copy(update={"initial": 10, "batch": 10})
    for named in plan.arms():
        measured = [vars(cycle) for cycle in cycles(*CURVES[named.compared.chooser.strategy])]
        store.write(f"arms/{named.name}.json", canonical_json({"arm": named.name, "cycles": measured, "error": ""}))
    return store, plan


def test_files(ended: tuple[Store, BacktestPlan], tmp_path: Path) -> None:
    store, plan = ended
    copy = tmp_path / "platform" / "table.md"
    facts = report.run(store.root, write_plan(store, plan), "", str(copy))
    assert facts.failed == 0 and facts.verdict.startswith("entropy would have saved the most")
    assert json.loads(store.read("summary.json"))["verdict"] == facts.verdict
    assert facts.verdict in store.read("summary.md").decode()
    assert copy.read_bytes() == store.read("summary.md")
    results = pq.read_table(store.fetch("results.parquet")).to_pylist()
    assert len(results) == 12
    assert results[0]["strategy"] == "random" and [row["labels"] for row in results[:3]] == [10, 20, 30]
    assert not store.exists("mlflow.db")


def test_the_same_results_give_the_same_bytes(ended: tuple[Store, BacktestPlan]) -> None:
    store, plan = ended
    contents = []
    for _ in range(2):
        report.run(store.root, write_plan(store, plan), "")
        contents.append([store.read(name) for name in ("summary.json", "summary.md", "results.parquet", "curves.png")])
    assert contents[0] == contents[1]


@pytest.mark.draws
@pytest.mark.parametrize("seeds", [1, 2])
def test_curves_are_a_picture(ended: tuple[Store, BacktestPlan], seeds: int) -> None:
    store, plan = ended
    data = draw_curves(gather(store, plan.model_copy(update={"seeds": seeds})))
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    assert picture.size[0] == 1200
    colours = {colour for _, colour in picture.getcolors(picture.size[0] * picture.size[1]) or []}
    assert {(0x09, 0x69, 0xDA), (0x24, 0x29, 0x2F)} <= colours


@pytest.mark.draws
def test_nothing_ended_is_still_a_picture(stored: tuple[Store, BacktestPlan]) -> None:
    store, plan = stored
    assert draw_curves(gather(store, plan)).startswith(b"\x89PNG")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SQLAlchemy, by MLflow
def test_mlflow_has_a_run_for_the_backtest_and_one_below_for_each_strategy(
    ended: tuple[Store, BacktestPlan], mlflow: Path
) -> None:
    from mlflow import MlflowClient

    store, plan = ended
    name = write_plan(store, plan)
    for _ in range(2):
        report.run(store.root, name, store.root)
    client = MlflowClient(f"sqlite:///{mlflow}")
    experiment = client.get_experiment_by_name("labelcycle-backtests")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == ["backtest", "entropy", "random"]
    by_name = {run.info.run_name: run for run in runs}
    parent, entropy = by_name["backtest"], by_name["entropy"]
    assert entropy.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.tags["labelcycle.complete"] == "true" and {run.info.status for run in runs} == {"FINISHED"}
    history = client.get_metric_history(entropy.info.run_id, "accuracy")
    assert sorted((metric.step, metric.value) for metric in history) == [(10, 0.5), (20, 0.8), (30, 0.9)]
    assert "system/training_seconds" in entropy.data.metrics
    assert entropy.data.metrics["saving_ratio"] > 0 and by_name["random"].data.metrics["saving_ratio"] == 0
    assert entropy.data.metrics["accuracy_low"] == entropy.data.metrics["accuracy_high"] == 0.9
    assert parent.data.params["history_sha256"] == plan.history.sha256 and parent.data.params["trainer.epochs"] == "5"
    assert "entropy would have saved the most" in parent.data.tags["mlflow.note.content"]
    artifacts = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert artifacts == {"curves.png", "summary.json", "summary.md", "results.parquet"}


def test_mlflow_that_fails_is_a_notice(
    ended: tuple[Store, BacktestPlan], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store, plan = ended
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert report.run(store.root, write_plan(store, plan), store.root).failed == 0
    assert "MLflow has no record of this backtest" in capsys.readouterr().err
    assert store.exists("summary.json")


def test_a_backtest_in_s3(s3_root: str, history: LabelledHistory, make_plan: Callable[..., BacktestPlan]) -> None:
    store = open_store(s3_root)
    plan = make_plan(history=write_history(store, history), seeds=1)
    name = write_plan(store, plan)
    for named in plan.arms():
        assert arm.run(s3_root, name, named.name).error == ""
    facts = report.run(s3_root, name, "")
    assert facts.curves == f"{s3_root}/curves.png" and store.read("curves.png").startswith(b"\x89PNG")
    assert facts.verdict in store.read("summary.md").decode()


@pytest.mark.draws
def test_of_many_strategies_only_the_best_and_random_have_bands(
    make_plan: Callable[..., BacktestPlan], cycles: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled: list[Any] = []
    monkeypatch.setattr(Axes, "fill_between", lambda *_, **settings: filled.append(settings["color"]))
    for many in (6, 7):
        others = [Chooser(strategy="uherding", parameters={"targets": number}) for number in range(1, many)]
        plan = make_plan(compared=[ComparedStrategy(chooser=chooser) for chooser in (RANDOM, *others)])
        outcomes = {
            named.name: arm.Outcome(named.name, cycles(0.5, 0.6, 0.7 + named.seed / 100)) for named in plan.arms()
        }
        filled.clear()
        assert draw_curves(leaderboard(plan, outcomes)).startswith(b"\x89PNG")
        assert len(filled) == (6 if many == 6 else 3)
