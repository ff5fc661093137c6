"""A campaign that is committed but was never trained: small tables, made-up figures, written by core functions."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.campaign import Backbone, Campaign, Transform, create_campaign
from labelcycle.components.core.campaign.commits import Commit, attempt_key, read_commits, write_commit
from labelcycle.components.core.campaign.decision import Decision
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference, write_json, write_object
from labelcycle.components.core.storage.tables import LABELS, POOL, QUARANTINE, QUERY, TRUTH, write_table
from labelcycle.components.tracking import track_campaign
from tests.cycle_records import METRICS, TRAINING

CLASSES = ["cat", "dog"]
BATCH = 4


@dataclass
class CommittedCampaign:
    """A campaign whose cycles are committed by calling it."""

    store: Store
    campaign: Campaign

    @property
    def root(self) -> str:
        return self.store.root

    def commit_cold_start(self) -> Commit:
        return self._commit("cold_start", {"query_size": BATCH, "previous_query": None})

    def commit_training(
        self,
        accuracy: float,
        query_size: int = BATCH,
        ratio: float | None = None,
        action: str = "train",
        recalls: tuple[float, float] | None = None,
        supports: tuple[int, int] = (500, 500),
        amendment: ObjectReference | None = None,
        **more: Any,
    ) -> Commit:
        """Commit a cycle that trained to `accuracy`, with these recalls of the two classes, by default the same.

        `ratio` is what its predecessor's query was worth, `amendment` the newest it knows of, `more` further
        keys of `metrics.json`.
        """
        cycle = len(read_commits(self.store))
        judged = {"known": 2, "unknown": 2, "known_unknown_ratio": ratio}
        training = TRAINING | {"adapter_sha256": "ab" * 32, "loss": 0.5 / cycle, "trainable_parameters": 1234}
        metrics = METRICS | {
            "cycle": cycle,
            "labels": cycle * BATCH,
            "answers": cycle * BATCH,
            "label_cost": cycle * BATCH * 0.5,
            "accuracy": accuracy,
            "macro_f1": accuracy / 2,
            "ece": 0.1,
            "test_samples": sum(supports),
            "classes": [
                {"name": name, "recall": recall, "precision": 0.5, "f1": 0.5, "support": support}
                for name, recall, support in zip(CLASSES, recalls or (accuracy, accuracy), supports, strict=True)
            ],
            "training": training,
            "previous_query": judged,
            **more,
        }
        return self._commit(action, {"query_size": query_size, "previous_query": judged}, metrics, amendment)

    def _commit(
        self, action: str, summary: dict, metrics: dict | None = None, amendment: ObjectReference | None = None
    ) -> Commit:
        commits = read_commits(self.store)
        cycle = len(commits)
        labels = [commit.objects["labels"] for commit in commits if "labels" in commit.objects]
        new_labels = None
        if metrics is not None:
            new_labels = write_table(self.store, f"labels/{cycle}.parquet", _labels(cycle))
            labels.append(new_labels)
        decision = Decision(
            cycle=cycle,
            action=action,
            labels=labels,
            new_labels=new_labels,
            labelled=len(labels) * BATCH,
            answered=len(labels) * BATCH,
            query_size=summary["query_size"],
            previous=commits[-1].objects if commits else {},
            queries=[commit.objects["query"] for commit in commits],
        )
        attempt = f"{cycle:016x}"
        facts = {"cycle": cycle, "labels": decision.labelled, "answers": decision.answered, **summary}
        for name in ("accuracy", "macro_f1", "ece", "space"):
            facts[name] = metrics[name] if metrics else None
        objects = {
            "decision": self._json(cycle, attempt, "decision.json", decision.model_dump(mode="json")),
            "query": write_table(
                self.store, attempt_key(cycle, attempt, "query.parquet"), _query(summary["query_size"])
            ),
            "summary": self._json(cycle, attempt, "summary.json", facts),
        }
        if metrics is not None and new_labels is not None:
            objects |= self._trained_objects(cycle, attempt, metrics) | {"labels": new_labels}
        objects |= {} if amendment is None else {"amendment": amendment}
        commit = Commit(cycle=cycle, attempt=attempt, objects=objects)
        assert write_commit(self.store, commit)
        return commit

    def _trained_objects(self, cycle: int, attempt: str, metrics: dict) -> dict[str, ObjectReference]:
        row = np.zeros(3, dtype=np.float32)
        head = LinearHead(row, row + 1, row + 1, row, np.full((2, 3), cycle, dtype=np.float32), row[:2])
        contents = {
            "head": ("head.safetensors", head.to_bytes()),
            "adapter_model": ("adapter/adapter_model.safetensors", b"adapter weights"),
            "adapter_config": ("adapter/adapter_config.json", b"{}"),
            "learning_curve": ("learning_curve.png", b"a curve"),
            "confusion_matrix": ("confusion_matrix.png", b"a matrix"),
            "contact_sheet": ("contact_sheet.png", b"a sheet"),
            "calibration": ("calibration.png", b"a diagram"),
            "feature_map": ("feature_map.png", b"a map"),
            "cost": ("cost.png", b"costs"),
            "report": ("report.html", b"<html></html>"),
        }
        written = {name: self._bytes(cycle, attempt, file, data) for name, (file, data) in contents.items()}
        written["training"] = self._json(cycle, attempt, "training.json", metrics["training"])
        written["metrics"] = self._json(cycle, attempt, "metrics.json", metrics)
        return written

    def _bytes(self, cycle: int, attempt: str, name: str, data: bytes) -> ObjectReference:
        return write_object(self.store, attempt_key(cycle, attempt, name), data)

    def _json(self, cycle: int, attempt: str, name: str, value: object) -> ObjectReference:
        return write_json(self.store, attempt_key(cycle, attempt, name), value)


def new_campaign(root: Path | str, name: str = "pets") -> CommittedCampaign:
    """A campaign with nothing committed yet."""
    store = open_store(str(root))
    pool = pa.table({field.name: ["a"] for field in POOL}, schema=POOL)
    truth = pa.table({"sample_id": ["a"], "label": ["cat"]}, schema=TRUTH)
    transform = Transform(image_size=32, interpolation="bicubic", crop_share=1.0, mean=(0, 0, 0), std=(1, 1, 1))
    recipe = Recipe.model_validate(
        {
            "name": "peal_entropy",
            "summary": "Largest entropy.",
            "source": "a paper",
            "cost": "seconds",
            "trainer": {"name": "lora", "rank": 4},
            "selector": {"strategy": "entropy"},
        }
    )
    campaign = Campaign(
        name=name,
        classes=CLASSES,
        recipe=recipe,
        budget=100,
        batch=BATCH,
        initial=BATCH,
        seed=7,
        backbone=Backbone(
            name="tiny", weights=write_object(store, "weights.safetensors", b"weights"), transform=transform, width=3
        ),
        base_space="fedcba9876543210",
        pool=write_table(store, "pool/pool.parquet", pool),
        truth=write_table(store, "pool/truth.parquet", truth),
        quarantine=write_table(store, "pool/quarantine.parquet", QUARANTINE.empty_table()),
        labels_from="https://labels.example/export?token=very-secret",
    )
    create_campaign(store, campaign)
    return CommittedCampaign(store, campaign)


def _query(size: int) -> pa.Table:
    """Picks, of which the model says cat, the surest last."""
    columns: dict[str, list[Any]] = {field.name: [None] * size for field in QUERY}
    columns |= {"sample_id": [f"sample-{row}" for row in range(size)], "rank": list(range(1, size + 1))}
    columns |= {"reason": ["unsure"] * size, "predicted": ["cat"] * size}
    columns["confidence"] = [0.5 + row / 16 for row in range(size)]
    return pa.table(columns, schema=QUERY)


def _labels(cycle: int) -> pa.Table:
    columns = {field.name: [f"{field.name}-{cycle}-{row}" for row in range(BATCH)] for field in LABELS}
    return pa.table(columns, schema=LABELS)


@pytest.fixture(autouse=True)
def no_mlflow_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shield the tests from the MLflow and pipeline settings of whoever runs them."""
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "KFP_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with MLflow's tables, whose creation takes seconds, and nothing else."""
    folder = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("MLFLOW_EXPERIMENT_ID", "0")
        template = new_campaign(folder / "campaign", "template")
        template.commit_cold_start()
        track_campaign(template.root)
    return folder / "mlflow.db"


@pytest.fixture
def campaign(tmp_path: Path, empty_database: Path) -> CommittedCampaign:
    """A campaign with nothing committed yet, in a folder with a ready database."""
    made = new_campaign(tmp_path / "campaign")
    shutil.copyfile(empty_database, Path(made.root) / "mlflow.db")
    return made
