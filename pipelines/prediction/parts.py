"""The stage prediction_parts: classify a shard's samples, part by part, and keep the parts that are there already."""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.campaign.pool_ids import POOL_IDS
from labelcycle.components.core.campaign.withdrawn import WITHDRAWN
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.ordering import chunks_of_shard
from labelcycle.components.core.runtime.observation import Progress, observed
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.tables import read_table
from labelcycle.pipelines.models.choice import Chosen, choose_model
from labelcycle.pipelines.models.prediction_files import Predictions
from labelcycle.pipelines.prediction.classifier import PoolClassifier, classify_listed
from labelcycle.pipelines.prediction.prediction_parts import FoundParts, prediction_table, write_part
from labelcycle.pipelines.prediction.prediction_plan import IMAGES, PredictionPlan, read_prediction_plan


@dataclass(frozen=True)
class PartsPredicted(Facts, rows="classified"):
    """What a shard did: samples classified now, and samples of parts that were there already."""

    prediction: str
    classified: int
    kept: int


@observed
def run(root: str, prediction: str, shard: int = 0, shards: int = 1) -> PartsPredicted:
    """Classify the samples of this shard that have no sound part yet.

    Samples of the pool are classified by their features, and no image is read, but for those that the model's feature
    space lacks. The parts are the same for any number of shards.

    Args:
        root: the campaign's folder or S3 prefix.
        prediction: its name, from prediction_start.
        shard: which part of the work, from 0.
        shards: how many parts there are.

    Raises:
        CampaignError: no such prediction; the model is gone; features are missing and there are no images.

    Cost: a matrix product over the features, or a forward pass an image. Memory for a part, and for the ids.
    """
    store = open_store(root)
    plan = read_prediction_plan(store, prediction)
    mine = list(_parts_of_shard(store, plan, shard, shards))
    there = FoundParts(store, prediction)
    missing = [(number, ids) for number, ids in mine if there.sound(number) is None]
    kept = sum(len(ids) for _, ids in mine) - sum(len(ids) for _, ids in missing)
    if missing:
        _classify(store, root, plan, missing)
    return PartsPredicted(prediction, sum(len(ids) for _, ids in missing), kept)


def _classify(store: Store, root: str, plan: PredictionPlan, parts: list[tuple[int, list[str]]]) -> None:
    chosen = model_of_plan(root, plan)
    with Progress("predict", sum(len(ids) for _, ids in parts), "sample") as progress:
        batches: Iterator[Predictions]
        if plan.of == "pool":
            classifier = PoolClassifier(chosen)
            batches = (classifier.predictions(ids) for _, ids in parts)
        else:
            table = read_table(store, plan.table, IMAGES)
            uris = dict(zip(table["sample_id"].to_pylist(), table["uri"].to_pylist(), strict=True))
            batches = classify_listed(chosen, ({name: uris[name] for name in ids} for _, ids in parts))
        for (number, ids), predictions in zip(parts, batches, strict=True):
            write_part(store, plan.name, number, prediction_table(plan, predictions))
            progress.advance(len(ids))


def model_of_plan(root: str, plan: PredictionPlan) -> Chosen:
    """The model that a plan names.

    Raises:
        CampaignError: its cycle has another commit now.
    """
    chosen = choose_model(root, plan.model_cycle)
    if chosen.commit.digest != plan.model_commit:
        raise CampaignError(
            f"Prediction {plan.name} is by another model of cycle {plan.model_cycle} than {root} has. Start it again."
        )
    return chosen


def _parts_of_shard(store: Store, plan: PredictionPlan, shard: int, shards: int) -> Iterator[tuple[int, list[str]]]:
    """Number and ids of each part that falls to a shard: one range of the order of ids."""
    ids = _ids(store, plan)
    for part in chunks_of_shard(ids, shard, shards, plan.part_rows):
        yield bisect.bisect_left(ids, part[0]) // plan.part_rows, part


def _ids(store: Store, plan: PredictionPlan) -> list[str]:
    """The ids of all samples of a prediction, sorted."""
    if plan.of == "images":
        listed: list[str] = read_table(store, plan.table, pa.schema([IMAGES.field("sample_id")]))[
            "sample_id"
        ].to_pylist()
        return listed
    table = read_table(store, plan.table, POOL_IDS)
    gone = frozenset[str]()
    if plan.withdrawn is not None:
        gone = frozenset(read_table(store, plan.withdrawn, WITHDRAWN)["sample_id"].to_pylist())
    rows = zip(table["sample_id"].to_pylist(), table["split"].to_pylist(), strict=True)
    return sorted(name for name, split in rows if split == "pool" and name not in gone)
