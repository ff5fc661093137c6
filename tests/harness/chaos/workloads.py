"""The campaigns that are killed: one for each way of training, choosing and labelling."""

from dataclasses import dataclass, field
from typing import Any, Literal

from labelcycle.pipelines.initialise.begin import CampaignSettings
from tests.harness.chaos.data import Data

BATCH = 4


@dataclass(frozen=True)
class Workload:
    """What an operator does from `labelcycle init` to the end.

    Attributes:
        name: short, for tables.
        tells: what is special about it.
        settings: of `labelcycle init`, beside the data and the root.
        on: the data: `pictures` with labels, `people` for pictures whose labels arrive in the CSV, `checked` for these
            with some labels that are known, not all rightly; `embeddings`.
        finalize: whether a final model is trained.
        shards: parts that embed and score are split into.
        by_command: whether `labelcycle run` runs it, each stage in a process of its own; takes half a minute a cycle.
        captions: whether it reads features of captions.
        amended: what is amended beside its batch and its budget: `classes` and prices, or `samples`; empty for nothing.
    """

    name: str
    tells: str
    settings: dict[str, Any]
    on: str = "pictures"
    finalize: bool = False
    shards: int = 1
    by_command: bool = False
    captions: bool = False
    amended: Literal["", "classes", "samples"] = ""
    overrides: dict[str, Any] = field(default_factory=dict)

    @property
    def stores(self) -> tuple[str, ...]:
        """Where it is run: what runs by command only in folders, because one is like the other there."""
        return ("folder",) if self.by_command else ("folder", "s3")

    @property
    def people(self) -> bool:
        """Whether labels arrive through the CSVs that are delivered."""
        return self.on in ("people", "checked")

    def request(self, data: Data) -> CampaignSettings:
        """What `labelcycle init` is asked for."""
        pictures: dict[str, Any] = {"images": str(data.images), "test": str(data.test)}
        sources: dict[str, dict[str, Any]] = {
            "pictures": {**pictures, "labels_from": str(data.labels)},
            "people": pictures,
            "checked": {**pictures, "known_labels": [str(data.known)]},
            "embeddings": {"embeddings": str(data.embeddings)},
        }
        sizes = {"budget": 2 * BATCH, "batch": BATCH, "price_cpu_hour": 1.0}
        settings = {"name": "chaos", **sizes, **sources[self.on], **self.settings}
        if self.captions:
            settings["text_encoder"] = str(data.text_encoder)
        return CampaignSettings(overrides=self.overrides, **settings)


QUICK = {"trainer.epochs": 20, "trainer.learning_rate": 0.02}
RATES = {"learning_rate": 1e-4, "head_learning_rate": 0.01, "probe_learning_rate": 0.01}

WORKLOADS = (
    Workload(
        "quick",
        "the least that has every stage",
        {"recipe": "linear_probe", "budget": BATCH},
        on="embeddings",
        overrides={"trainer.epochs": 2},
    ),
    Workload(
        "amended",
        "the same, with smaller batches, other classes and prices, and a larger budget later",
        {"recipe": "linear_probe", "budget": BATCH},
        on="embeddings",
        overrides={"trainer.epochs": 2},
        amended="classes",
    ),
    Workload(
        "amended_samples",
        "the same, with smaller batches, a larger budget, samples that join and samples that are withdrawn later",
        {"recipe": "linear_probe", "budget": BATCH},
        on="embeddings",
        overrides={"trainer.epochs": 2},
        amended="samples",
    ),
    Workload("probe", "a linear probe on frozen features", {"recipe": "linear_probe"}, overrides=QUICK),
    Workload(
        "shards",
        "the same on embeddings, in three shards",
        {"recipe": "linear_probe"},
        on="embeddings",
        overrides=QUICK,
        shards=3,
    ),
    Workload(
        "lora",
        "LoRA adapters, a checkpoint after every epoch",
        {"recipe": "peal_entropy"},
        overrides={"trainer.epochs": 2},
    ),
    Workload(
        "lp_ft",
        "a probe, and a final model by linear probing and fine-tuning",
        {"recipe": "linear_probe", "budget": BATCH},
        overrides={**QUICK, "final.trainer": {"name": "lp_ft", "epochs": 2, "probe_epochs": 2, **RATES}},
        finalize=True,
    ),
    Workload(
        "vecaf",
        "training data chosen from a pool whose labels are known, with captions",
        {"recipe": "vecaf_linear"},
        on="embeddings",
        captions=True,
        overrides={
            "trainer.batch_size": 4,
            "trainer.learning_rate": 0.02,
            "data_selection.loops": 2,
            "data_selection.total_batches": 20,
            "data_selection.measurements": 2,
        },
    ),
    Workload(
        "people",
        "labels that arrive bit by bit, and late, in the CSVs that are delivered",
        {"recipe": "linear_probe", "answered_share": 0.75},
        on="people",
        overrides=QUICK,
    ),
    Workload(
        "rechecks",
        "labels that are asked for again, because the model doubts them",
        {"recipe": "linear_probe", "recheck": 0.5},
        on="checked",
        overrides=QUICK,
    ),
    Workload(
        "command",
        "a linear probe by `labelcycle run`, with MLflow",
        {"recipe": "linear_probe", "budget": BATCH},
        overrides=QUICK,
        by_command=True,
    ),
)


def workload(name: str) -> Workload:
    """The one of that name."""
    return next(one for one in WORKLOADS if one.name == name)
