"""`labelcycle promote` as users call it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from labelcycle.components.core.campaign.commits import commit_key
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking.promotion_history import read_champion, read_history

pytestmark = pytest.mark.usefixtures("mlflow")


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """Two models, of which the second is much better than the first."""
    begun = begin(budget=24, overrides={"trainer.epochs": 20, "trainer.learning_rate": 0.02})
    for _ in range(3):
        begun.run_cycle()
    return begun


def champion(root: str) -> int | None:
    found = read_champion(open_store(root))
    return None if found is None else found.cycle


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_last_model_is_judged(labelcycle: Callable[..., Any], campaign: Any, mlflow: Path) -> None:
    answer = labelcycle("promote", campaign.root)
    assert answer.returncode == 0, answer.stderr
    assert champion(campaign.root) == 2
    assert "cycle 2" in answer.stdout and "champion" in answer.stdout
    name = f"labelcycle-{campaign.state.campaign.identifier}"
    client = MlflowClient(tracking_uri=f"sqlite:///{mlflow}")
    assert client.get_model_version_by_alias(name, "champion").tags["labelcycle.cycle"] == "0002"
    again = labelcycle("promote", campaign.root)
    assert again.returncode == 0 and "the model of cycle 2 is champion already" in again.stdout


def test_a_worse_one_is_refused_and_its_classes_are_named(
    labelcycle: Callable[..., Any], campaign: Any, harmed: Callable[..., str]
) -> None:
    root = harmed(campaign, recall=0.0)
    answer = labelcycle("promote", root)
    assert answer.returncode == 1
    assert "cycle 2 not promoted: accuracy" in answer.stdout and "class 'red' falls from" in answer.stdout
    assert "recall of each class" in answer.stdout and "-0." in answer.stdout
    assert "cycle 1 stays champion" in answer.stderr and "--force --reason" in answer.stderr
    assert champion(root) == 1
    forced = labelcycle("promote", root, "--force", "--reason", "we know", "--json")
    assert forced.returncode == 0, forced.stderr
    record = json.loads(forced.stdout)
    assert (record["outcome"], record["already"], record["champion"]["cycle"]) == ("forced", False, 2)
    assert record["reason"].startswith("we know (accuracy")
    assert champion(root) == 2
    back = labelcycle("promote", root, "--cycle", 1, "--class-margin", 1, "--tolerance", 1)
    assert back.returncode == 0, back.stderr
    assert champion(root) == 1
    assert [one.outcome for one in read_history(open_store(root)).promotions] == [
        "promoted",
        "refused",
        "refused",
        "forced",
        "promoted",
    ]


@pytest.fixture
def harmed(tmp_path: Path) -> Callable[..., str]:
    """A function: a campaign → a copy in which the last model is said to know one class less well."""

    def harm(campaign: Any, recall: float) -> str:
        from labelcycle.components.core.digests import canonical_json
        from labelcycle.components.core.storage.objects import write_object

        root = tmp_path / "harmed"
        shutil.copytree(campaign.root, root)
        store = open_store(str(root))
        commit = read_state(store).commits[-1]
        metrics = json.loads(store.read(commit.objects["metrics"].key))
        metrics["accuracy"] = 1.0
        red = next(one for one in metrics["classes"] if one["name"] == "red")
        red["recall"], before = recall, red["recall"]
        assert before > 0
        changed = write_object(store, commit.objects["metrics"].key, canonical_json(metrics))
        objects = {**commit.objects, "metrics": changed}
        store.write(commit_key(2), commit.model_copy(update={"objects": objects}).as_bytes())
        return str(root)

    return harm


def test_without_mlflow_the_champion_is_in_the_store(
    labelcycle: Callable[..., Any], campaign: Any, mlflow: Path
) -> None:
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    answer = labelcycle("promote", campaign.root, **away)
    assert answer.returncode == 0, answer.stderr
    assert "MLflow has no record" in answer.stderr and champion(campaign.root) == 2
    labelcycle("promote", campaign.root)
    client = MlflowClient(tracking_uri=f"sqlite:///{mlflow}")
    name = f"labelcycle-{campaign.state.campaign.identifier}"
    assert client.get_model_version_by_alias(name, "champion").tags["labelcycle.cycle"] == "0002"


def test_what_cannot_be(
    labelcycle: Callable[..., Any], campaign: Any, begin: Callable[..., Any], tmp_path: Path
) -> None:
    new = begin(root=str(tmp_path / "new"))
    for arguments, message in [
        ([campaign.root, "--cycle", 0], "Cycle 0 has no model. Cycles with one: 1, 2"),
        ([campaign.root, "--force"], "--force and --reason belong together"),
        ([campaign.root, "--reason", "because"], "--force and --reason belong together"),
        ([new.root], "There is nothing to promote"),
        ([tmp_path / "nothing"], "No campaign at"),
        ([campaign.root, "--class-margin", "nan"], "Invalid value for '--class-margin'"),
        ([campaign.root, "--tolerance", 2], "Invalid value for '--tolerance'"),
    ]:
        answer = labelcycle("promote", *arguments)
        assert answer.returncode == 1 and message in answer.stderr, answer.stdout + answer.stderr
