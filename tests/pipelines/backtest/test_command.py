"""`labelcycle backtest` as users have it: in processes, resumed after a kill, and with errors that help."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest import arm, local
from labelcycle.pipelines.backtest.backtest_plan import BacktestPlan, write_plan
from labelcycle.pipelines.backtest.leaderboard import Leaderboard
from labelcycle.pipelines.backtest.report import gather
from labelcycle.pipelines.cli.main import app
from tests.installed_command import COMMAND
from tests.warm_start import warm_python

SMALL = ["--recipe", "linear_probe", "--batch", "8", "--cycles", "3"]
SMALL += ["--set", "trainer.epochs=5", "--set", "trainer.learning_rate=0.02"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, embeddings: Path, empty_database: Path) -> Any:
    """A backtest of two strategies with two seeds: the answer of the command, and its folder."""
    folder = tmp_path_factory.mktemp("backtest")
    shutil.copyfile(empty_database, folder / "mlflow.db")
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "KFP_"))}
    answer = subprocess.run(
        [warm_python(), COMMAND, "backtest", "--embeddings", str(embeddings), "--strategies", "entropy", "--seeds", "2"]
        + [*SMALL, "--out", str(folder / "out")],
        cwd=folder,
        env=surroundings | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in answer.stderr, answer.stderr
    return answer, folder / "out"


def figures(out: Path) -> list[dict[str, Any]]:
    """The results without their seconds."""
    return pq.read_table(out / "results.parquet").drop_columns(["training_seconds", "selection_seconds"]).to_pylist()


def test_arms_fan_out_and_are_put_side_by_side(finished: Any) -> None:
    answer, out = finished
    assert answer.returncode == 0, answer.stderr
    assert "The random arm is added" in answer.stderr
    assert answer.stderr.count("accuracy") == 4
    found = figures(out)
    assert [(row["strategy"], row["seed"]) for row in found[::3]] == [
        (name, seed) for seed in (0, 1) for name in ("random", "entropy")
    ]
    assert [row["labels"] for row in found[:3]] == [8, 16, 24]
    summary = json.loads((out / "summary.json").read_text())
    assert sorted(row["title"] for row in summary["contenders"]) == ["entropy", "random"]
    assert summary["verdict"] in answer.stdout and "censored" in answer.stdout
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SQLAlchemy, by MLflow
def test_mlflow_was_told(finished: Any) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{finished[1].parent / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("labelcycle-backtests").experiment_id])
    assert sorted(run.info.run_name for run in runs) == ["backtest", "entropy", "random"]


def test_a_backtest_goes_on_where_it_was_and_failures_stop_no_other_arm(
    finished: Any, labelcycle: Callable[..., Any], embeddings: Path, tmp_path: Path
) -> None:
    """One arm is as if it had been killed, another strategy is new and fails."""
    out = tmp_path / "out"
    shutil.copytree(finished[1], out)
    before = {path.name: path.stat().st_mtime_ns for path in (out / "arms").iterdir()}
    killed = next(path for path in (out / "arms").glob("entropy-seed-0-*"))
    killed.unlink()
    strategies = ["--strategies", "random,entropy,bald:passes=0", "--seeds", 1]
    answer = labelcycle(
        "backtest", "--embeddings", embeddings, *strategies, *SMALL, "--out", out, "--no-mlflow", "--json"
    )
    assert answer.returncode == 1
    assert "1 of 3 arms have ended already and are not run again." in answer.stderr
    assert "error: bald:passes=0, seed 0: Dropout needs at least 1 pass; got 0." in answer.stderr
    facts = json.loads(answer.stdout)
    assert len(facts["failures"]) == 1 and len(facts["contenders"]) == 2
    assert figures(out) == [row for row in figures(finished[1]) if row["seed"] == 0]
    kept = {path.name for path in (out / "arms").iterdir() if path.stat().st_mtime_ns == before.get(path.name)}
    assert kept == before.keys() - {killed.name}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategies", "entropie"], "There is no strategy 'entropie'. Did you mean 'entropy'"),
        (["--cycles", "20"], "Ask for --cycles 6 or fewer"),
        (["--set", "trainer.epochs"], "--set 'trainer.epochs' is not KEY=VALUE"),
        (["--set", "trainer.epochs=[1"], "the value is not YAML"),
        (["--labels-from", "missing.csv"], "There is no label file missing.csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_settings_that_cannot_be(
    labelcycle: Callable[..., Any], embeddings: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    given = ["--embeddings", embeddings, "--batch", 8, "--out", tmp_path / "out", *arguments]
    answer = labelcycle("backtest", *given)
    assert answer.returncode == 1
    assert "error: " in answer.stderr and message in answer.stderr
    assert not (tmp_path / "out").exists()


def test_sources_that_cannot_be(labelcycle: Callable[..., Any], write_npz: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no arrays")
    unlabelled = write_npz(labels=None)
    for source, message in (
        (["--embeddings", tmp_path / "text.npz"], "cannot be read as npz"),
        (["--embeddings", unlabelled], "has no labels"),
        ([tmp_path], "No campaign at"),
    ):
        answer = labelcycle("backtest", *source)
        assert answer.returncode == 1 and message in answer.stderr, answer.stderr


def test_wrong_usage(labelcycle: Callable[..., Any]) -> None:
    assert labelcycle("backtest", "--seeds", 0).returncode == 1
    assert labelcycle("backtest", "--strategy", "random").returncode == 1


def test_a_campaign_is_replayed_and_its_mlflow_is_told(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The arms run in this process, one after the other."""
    told = []

    def run_here(root: str, plan: BacktestPlan, mlflow_root: str) -> Leaderboard:
        told.append(mlflow_root)
        for named in plan.arms():
            arm.run(root, write_plan(open_store(root), plan), named.name)
        return gather(open_store(root), plan)

    monkeypatch.setattr(local, "run_backtest", run_here)
    campaign = begin(recipe="random", budget=24, batch=8)
    for _ in range(4):
        campaign.run_cycle()
    size = ["--strategies", "random,margin", "--seeds", "2", "--cycles", "2", "--json", "--out", str(tmp_path / "out")]
    answer = CliRunner().invoke(app, ["backtest", campaign.root, *size])
    assert answer.exit_code == 0, answer.output
    facts = json.loads(answer.stdout)
    assert facts["labels"] == [8, 16] and facts["source"] == campaign.root
    assert told == [campaign.root]
