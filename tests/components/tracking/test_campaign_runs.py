import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from labelcycle.components.core.campaign.amendments import AmendedCampaign, Amendment, append_amendment
from labelcycle.components.core.campaign.campaign import load_campaign
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking import track_campaign
from tests.components.tracking.conftest import new_campaign

STEPS = [
    "create_run",
    "log_batch",
    "log_inputs",
    "log_artifacts",
    "create_logged_model",
    "log_model_artifacts",
    "finalize_logged_model",
    "log_outputs",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
    "set_terminated",
]


class Reader:
    """What MLflow has of a campaign in a folder, by its own client."""

    def __init__(self, campaign: Any) -> None:
        self.root = Path(campaign.root)
        self.identifier = campaign.campaign.identifier
        self.client = MlflowClient(tracking_uri=f"sqlite:///{self.root / 'mlflow.db'}")

    def runs(self, kind: str) -> list[Run]:
        """The campaign's runs of a kind, in order of their names."""
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        wanted = f"tags.`labelcycle.campaign` = '{self.identifier}' AND tags.`labelcycle.kind` = '{kind}'"
        return sorted(self.client.search_runs(experiments, wanted), key=lambda run: run.data.tags["mlflow.runName"])

    def files(self, run: Run) -> set[str]:
        return {file.path for file in self.client.list_artifacts(run.info.run_id)}

    def versions(self) -> dict[int, Any]:
        found = self.client.search_model_versions(f"name = 'labelcycle-{self.identifier}'")
        return {int(version.tags["labelcycle.cycle"]): version for version in found}

    def alias(self, name: str) -> int:
        """The cycle of the version with this alias."""
        version = self.client.get_model_version_by_alias(f"labelcycle-{self.identifier}", name)
        return int(version.tags["labelcycle.cycle"])

    def everything(self) -> dict[str, Any]:
        """All that tracking wrote, without ids and times."""
        parents, children, versions = self.runs("campaign"), self.runs("cycle"), self.versions()
        models = self.client.search_logged_models([children[0].info.experiment_id])
        return {
            "parents": [(run.info.run_name, run.data.params, run.data.metrics) for run in parents],
            "children": [
                (run.info.run_name, run.info.status, run.data.metrics, self.files(run), len(run.inputs.dataset_inputs))
                for run in children
            ],
            "outputs": [len(run.outputs.model_outputs) if run.outputs else 0 for run in children],
            "history": [
                [(point.step, point.value) for point in self.client.get_metric_history(run.info.run_id, "accuracy")]
                for run in parents + children
            ],
            "models": sorted((model.name, str(model.status), len(model.metrics)) for model in models),
            "versions": {cycle: (version.version, version.tags) for cycle, version in versions.items()},
            "aliases": (self.alias("challenger"), self.alias("champion")),
        }


def test_a_campaign_without_commits_needs_no_mlflow(campaign, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert track_campaign(campaign.root) == []


def test_campaign_and_cycles_become_parent_and_children(campaign):
    campaign.commit_cold_start()
    commit = campaign.commit_training(accuracy=0.5, ratio=1.5)
    assert track_campaign(campaign.root) == [0, 1]
    reader = Reader(campaign)
    (parent,), (cold_start, trained) = reader.runs("campaign"), reader.runs("cycle")
    assert reader.client.get_experiment(parent.info.experiment_id).name == "labelcycle"
    name = campaign.campaign.identifier
    assert parent.info.run_name == name
    assert [cold_start.info.run_name, trained.info.run_name] == [
        f"{name} cycle 0000: 0 labels",
        f"{name} cycle 0001: 4 labels, accuracy 0.5000",
    ]
    assert [cold_start.info.status, trained.info.status] == ["FINISHED", "FINISHED"]
    assert {run.data.tags["mlflow.parentRunId"] for run in (cold_start, trained)} == {parent.info.run_id}
    assert trained.data.tags["labelcycle.cycle"] == "0001"
    assert trained.data.tags["labelcycle.attempt"] == commit.attempt
    assert trained.data.tags["labelcycle.commit"] == commit.digest


def test_the_decision_is_a_tag(campaign):
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5)
    campaign.commit_training(accuracy=0.5, query_size=0)
    campaign.commit_training(accuracy=0.5, query_size=0, action="finalize")
    track_campaign(campaign.root)
    assert [run.data.tags["labelcycle.decision"] for run in Reader(campaign).runs("cycle")] == [
        "asked for 4 labels",
        "asked for 4 labels",
        "asked for nothing more",
        "finalized",
    ]


def test_runs_sort_by_campaign_and_cycle(campaign, tmp_path, monkeypatch):
    """By name, and by the tags, as a person does in the table."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{campaign.root}/mlflow.db")
    other = new_campaign(tmp_path / "other", "a-zoo")
    for made in (campaign, other):
        made.commit_cold_start()
        for number in range(10):
            made.commit_training(accuracy=0.5 + number / 100)
        track_campaign(made.root)
    client = Reader(campaign).client
    cycles = "tags.`labelcycle.kind` = 'cycle'"
    by_tag = client.search_runs(["1"], cycles, order_by=["tags.`labelcycle.campaign`", "tags.`labelcycle.cycle`"])
    by_name = client.search_runs(["1"], cycles, order_by=["attributes.run_name"])
    names = [run.info.run_name for run in by_tag]
    assert names == [run.info.run_name for run in by_name]
    assert [name.partition(":")[0] for name in names] == [
        f"{made.campaign.identifier} cycle {number:04d}" for made in (other, campaign) for number in range(11)
    ]


def test_parent_has_the_settings_and_no_secret(campaign):
    campaign.commit_cold_start()
    track_campaign(campaign.root)
    (parent,) = Reader(campaign).runs("campaign")
    expected = {
        "recipe": "peal_entropy",
        "trainer.name": "lora",
        "trainer.rank": "4",
        "selector.strategy": "entropy",
        "budget": "100",
        "batch": "4",
        "seed": "7",
        "classes": "2",
        "backbone": "tiny",
        "backbone.weights_sha256": hashlib.sha256(b"weights").hexdigest(),
    }
    assert expected.items() <= parent.data.params.items()
    assert b"very-secret" not in (Path(campaign.root) / "mlflow.db").read_bytes()


def test_metrics_of_cycle_over_labels_and_of_campaign_over_cycles(campaign):
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5)
    campaign.commit_training(accuracy=0.75, ratio=1.5)
    track_campaign(campaign.root)
    reader = Reader(campaign)
    (parent,), (cold_start, first, second) = reader.runs("campaign"), reader.runs("cycle")
    assert cold_start.data.metrics == {"query_size": 4.0}
    expected = {
        "accuracy": 0.75,
        "macro_f1": 0.375,
        "ece": 0.1,
        "labels": 8.0,
        "label_cost": 4.0,
        "known_unknown_ratio": 1.5,
        "training_loss": 0.25,
        "trainable_parameters": 1234.0,
    }
    assert expected.items() <= second.data.metrics.items()
    assert "known_unknown_ratio" not in first.data.metrics
    assert not {"validation_accuracy", "temperature"} & second.data.metrics.keys()
    history = reader.client.get_metric_history(second.info.run_id, "accuracy")
    assert [(point.step, point.value) for point in history] == [(8, 0.75)]
    curve = reader.client.get_metric_history(parent.info.run_id, "accuracy")
    assert [(point.step, point.value) for point in curve] == [(1, 0.5), (2, 0.75)]


def test_artifacts_come_from_the_store_and_lie_beside_the_database(campaign, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5)
    track_campaign(campaign.root)
    reader = Reader(campaign)
    _, trained = reader.runs("cycle")
    figures = ("learning_curve", "confusion_matrix", "contact_sheet", "calibration", "feature_map", "cost")
    tables = {"predictions.json", "confusion.json"}
    assert reader.files(trained) == {*(f"{name}.png" for name in figures), "report.html", "metrics.json", *tables}
    (parent,) = reader.runs("campaign")
    shown = Path(campaign.root) / "mlartifacts" / parent.info.run_id / "artifacts" / "last_query.png"
    assert shown.read_bytes() == b"a sheet"
    folder = Path(campaign.root) / "mlartifacts" / trained.info.run_id / "artifacts"
    assert (folder / "report.html").read_bytes() == b"<html></html>"
    assert list(elsewhere.iterdir()) == []


def test_datasets_are_inputs_by_digest(campaign):
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5)
    campaign.commit_training(accuracy=0.5)
    track_campaign(campaign.root)
    *_, last = Reader(campaign).runs("cycle")
    inputs = {entry.tags[0].value: entry.dataset for entry in last.inputs.dataset_inputs}
    assert set(inputs) == {"pool", "training", "evaluation"}
    assert inputs["pool"].digest == campaign.campaign.pool.sha256[:36]
    source = json.loads(inputs["pool"].source)
    assert source == {"uri": campaign.store.locate("pool/pool.parquet"), "sha256": campaign.campaign.pool.sha256}
    assert inputs["evaluation"].digest == campaign.campaign.truth.sha256[:36]
    parts = json.loads(inputs["training"].source)["parts"]
    assert [part["key"] for part in parts] == ["labels/1.parquet", "labels/2.parquet"]


def test_a_second_call_adds_nothing(campaign):
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5)
    track_campaign(campaign.root)
    before = Reader(campaign).everything()
    assert track_campaign(campaign.root) == []
    assert Reader(campaign).everything() == before


def test_only_new_cycles_are_logged(campaign):
    campaign.commit_cold_start()
    assert track_campaign(campaign.root) == [0]
    campaign.commit_training(accuracy=0.5)
    assert track_campaign(campaign.root) == [1]
    assert len(Reader(campaign).runs("campaign")) == 1


def test_campaign_run_ends_with_the_campaign(campaign):
    campaign.commit_cold_start()
    track_campaign(campaign.root)
    assert Reader(campaign).runs("campaign")[0].info.status == "RUNNING"
    campaign.commit_training(accuracy=0.5, query_size=0)
    track_campaign(campaign.root)
    run = Reader(campaign).runs("campaign")[0]
    assert run.info.status == "FINISHED"
    assert run.data.tags["labelcycle.ended"] == "the pool is exhausted after 4 of 100 labels"


def test_campaign_run_goes_on_where_the_campaign_was_amended(campaign):
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5, query_size=0)
    track_campaign(campaign.root)
    assert "labelcycle.amendments" not in Reader(campaign).runs("campaign")[0].data.tags
    begun = load_campaign(campaign.store)
    change = {"time": "2026-01-01T00:00:00+00:00", "by": "ann", "reason": "", "cycles": 2, "changes": {"budget": 200}}
    assert append_amendment(campaign.store, Amendment(number=0, previous=AmendedCampaign(begun).digest, **change))
    assert track_campaign(campaign.root) == []
    run = Reader(campaign).runs("campaign")[0]
    assert run.info.status == "RUNNING" and "labelcycle.ended" not in run.data.tags


def test_amendments_are_a_tag_and_params_of_the_cycles_after_them(campaign):
    """A param of MLflow never changes, so the campaign's own are those that it began with."""
    campaign.commit_cold_start()
    begun = load_campaign(campaign.store)
    changes = {"budget": 200, "prices": {"label": 2.0}}
    why = {"time": "2026-01-01T00:00:00+00:00", "by": "ann", "reason": "more money", "cycles": 1, "changes": changes}
    amendment = Amendment(number=0, previous=AmendedCampaign(begun).digest, **why)
    assert append_amendment(campaign.store, amendment)
    campaign.commit_training(accuracy=0.5, amendment=amendment.reference)
    track_campaign(campaign.root)
    reader = Reader(campaign)
    (parent,), (cold_start, trained) = reader.runs("campaign"), reader.runs("cycle")
    told = "from cycle 1 on, 2026-01-01T00:00:00+00:00: budget, prices (more money)"
    assert parent.data.tags["labelcycle.amendments"] == told
    assert (parent.data.params["budget"], parent.data.params["price_per_label"]) == ("100", "1.0")
    assert cold_start.data.params == {
        "recipe": "peal_entropy",
        "trainer.name": "lora",
        "selector.strategy": "entropy",
        "backbone": "tiny",
        "budget": "100",
        "batch": "4",
        "classes": "2",
        "seed": "7",
    }
    assert trained.data.params == cold_start.data.params | {"budget": "200", "price_per_label": "2.0"}


def test_tables_are_shown_as_such(campaign):
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5, query_size=2)
    track_campaign(campaign.root)
    _, trained = Reader(campaign).runs("cycle")
    shown = json.loads(trained.data.tags["mlflow.loggedArtifacts"])
    assert shown == [{"path": "predictions.json", "type": "table"}, {"path": "confusion.json", "type": "table"}]
    folder = Path(campaign.root) / "mlartifacts" / trained.info.run_id / "artifacts"
    assert json.loads((folder / "predictions.json").read_bytes()) == {
        "columns": ["rank", "sample_id", "predicted", "confidence", "score", "reason"],
        "data": [[1, "sample-0", "cat", 0.5, None, "unsure"], [2, "sample-1", "cat", 0.5625, None, "unsure"]],
    }
    assert json.loads((folder / "confusion.json").read_bytes()) == {
        "columns": ["label", "predicted", "samples"],
        "data": [["cat", "cat", 1], ["dog", "cat", 1]],
    }


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_was_cut_short_is_completed(campaign, monkeypatch, step):
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        _interrupt(patch, step)
        track_campaign(campaign.root)
    assert 1 in track_campaign(campaign.root)
    found = Reader(campaign).everything()
    title = campaign.campaign.identifier
    assert [name for name, *_ in found["parents"]] == [title]
    assert [(name, status) for name, status, *_ in found["children"]] == [
        (f"{title} cycle 0000: 0 labels", "FINISHED"),
        (f"{title} cycle 0001: 4 labels, accuracy 0.5000", "FINISHED"),
    ]
    assert found["history"] == [[(1, 0.5)], [], [(4, 0.5)]]
    assert found["outputs"] == [0, 1]
    assert found["models"] == [("pets-0001", "READY", 3)]
    assert list(found["versions"]) == [1]
    assert found["versions"][1][1]["labelcycle.promotion"].startswith("promoted: accuracy 0.5")
    assert found["aliases"] == (1, 1)
    assert track_campaign(campaign.root) == []


def _interrupt(patch: pytest.MonkeyPatch, step: str) -> None:
    """Let the process 'die' just after one call of this step in the cycle that trains."""
    real = getattr(MlflowClient, step)
    wanted = {"create_run": 3, "log_inputs": 2, "log_batch": 3, "set_terminated": 2, "set_registered_model_alias": 2}
    calls = []

    def dying(*args: Any, **kwargs: Any) -> Any:
        calls.append(step)
        result = real(*args, **kwargs)
        if len(calls) == wanted.get(step, 1):
            raise KeyboardInterrupt
        return result

    patch.setattr(MlflowClient, step, dying)


def test_newest_cycle_resumes_the_run_that_a_platform_prepared(campaign, monkeypatch):
    campaign.commit_cold_start()
    track_campaign(campaign.root)
    reader = Reader(campaign)
    experiment = reader.runs("campaign")[0].info.experiment_id
    prepared = reader.client.create_run(experiment, run_name="task", tags={"mlflow.parentRunId": "of-the-platform"})
    monkeypatch.setenv("MLFLOW_RUN_ID", prepared.info.run_id)
    monkeypatch.setenv("KFP_RUN_ID", "a-pipeline-run")
    campaign.commit_training(accuracy=0.5)
    campaign.commit_training(accuracy=0.75)
    assert track_campaign(campaign.root) == [1, 2]
    assert track_campaign(campaign.root) == []
    runs = {run.data.tags["labelcycle.cycle"]: run for run in reader.runs("cycle")}
    assert sorted(runs) == ["0000", "0001", "0002"]
    resumed = runs["0002"]
    assert resumed.info.run_id == prepared.info.run_id
    assert resumed.info.run_name == "task"
    assert resumed.info.status == "RUNNING"
    assert resumed.data.tags["mlflow.parentRunId"] == "of-the-platform"
    assert resumed.data.tags["kfp.run_id"] == "a-pipeline-run"
    assert "kfp.run_id" not in runs["0001"].data.tags
    assert resumed.data.metrics["accuracy"] == 0.75


def test_a_prepared_run_serves_one_cycle_only(campaign, monkeypatch, tmp_path):
    campaign.commit_cold_start()
    reader = Reader(campaign)
    experiment = reader.client.create_experiment("platform", (tmp_path / "artifacts").as_uri())
    prepared = reader.client.create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", prepared.info.run_id)
    assert track_campaign(campaign.root) == [0]
    campaign.commit_training(accuracy=0.5)
    assert track_campaign(campaign.root) == [1]
    runs = {run.data.tags["labelcycle.cycle"]: run.info.run_id for run in reader.runs("cycle")}
    assert runs["0000"] == prepared.info.run_id
    assert runs["0001"] != prepared.info.run_id
    (parent,) = reader.runs("campaign")
    assert reader.client.get_run(prepared.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_prepared_run_that_does_not_exist_is_named(campaign, monkeypatch):
    campaign.commit_cold_start()
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(ConfigurationError, match="MLFLOW_RUN_ID"):
        track_campaign(campaign.root)


def test_experiment_by_name_and_a_deleted_one(campaign, monkeypatch):
    campaign.commit_cold_start()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of our own")
    track_campaign(campaign.root)
    client = Reader(campaign).client
    experiment = client.get_experiment_by_name("of our own")
    assert len(client.search_runs([experiment.experiment_id])) == 2
    client.delete_experiment(experiment.experiment_id)
    with pytest.raises(ConfigurationError, match="mlflow experiments restore"):
        track_campaign(campaign.root)


def test_another_history_of_the_same_campaign_is_refused(campaign, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{campaign.root}/mlflow.db")
    campaign.commit_cold_start()
    twin = shutil.copytree(campaign.root, tmp_path / "twin")
    campaign.commit_training(accuracy=0.5)
    assert track_campaign(campaign.root) == [0, 1]
    assert track_campaign(str(twin)) == []
    other = type(campaign)(open_store(str(twin)), campaign.campaign)
    other.commit_training(accuracy=0.75)
    with pytest.raises(ConfigurationError, match="MLFLOW_EXPERIMENT_NAME") as caught:
        track_campaign(str(twin))
    assert campaign.root in str(caught.value)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "twin")
    assert track_campaign(str(twin)) == [0, 1]


def test_two_processes_on_a_fresh_database_both_succeed(campaign):
    database = Path(campaign.root) / "mlflow.db"
    database.unlink()
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5)
    code = "import sys; from labelcycle.components.tracking import track_campaign; print(track_campaign(sys.argv[1]))"
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code, campaign.root]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=campaign.root)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sorted(output for output, _ in outputs) == ["[0, 1]\n", "[]\n"]
    assert [errors for _, errors in outputs] == ["", ""]
    assert len(Reader(campaign).runs("cycle")) == 2


def test_importing_the_package_does_not_import_mlflow():
    code = "import sys; from labelcycle.components.tracking import track_campaign; print('mlflow' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout == "False\n", run.stderr


def test_a_final_model_is_no_point_of_the_campaign_s_curves(campaign):
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5, query_size=0)
    campaign.commit_training(accuracy=0.75, query_size=0, action="finalize")
    track_campaign(campaign.root)
    reader = Reader(campaign)
    (parent,) = reader.runs("campaign")
    assert parent.data.metrics["final_accuracy"] == 0.75
    curve = reader.client.get_metric_history(parent.info.run_id, "accuracy")
    assert [(point.step, point.value) for point in curve] == [(1, 0.5)]
    assert reader.runs("cycle")[-1].data.metrics["accuracy"] == 0.75
