"""The stage prediction_start: fix the model and the samples of a prediction, so that all its shards have the same."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.ordering import shard_numbers
from labelcycle.components.core.runtime.observation import observed
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, write_object
from labelcycle.components.core.storage.tables import table_bytes
from labelcycle.pipelines.models.choice import Chosen, choose_model
from labelcycle.pipelines.prediction.prediction_plan import (
    FOLDER,
    IMAGE_ROWS,
    IMAGES,
    POOL_ROWS,
    PredictionPlan,
    write_prediction_plan,
)

CHAMPION, FINAL = "champion", "final"


@dataclass(frozen=True)
class PredictionStarted(Facts):
    """What the shards work on.

    Attributes:
        prediction: its name, which the other stages are told.
        samples: how many are classified.
        parts: how many parts there are; more shards than that have nothing to do.
        model: in words.
    """

    prediction: str
    samples: int
    parts: int
    model: str


@observed
def run(root: str, images: str = "", model: str = CHAMPION, shards: int = 1) -> PredictionStarted:
    """Fix what is classified, and by which model; the same again has the same name.

    Args:
        root: the campaign's folder or S3 prefix.
        images: a folder, an `s3://` prefix, an image, or a `.txt` list of images; empty for the campaign's pool.
        model: `champion`, `final`, or the number of a cycle.
        shards: parts of the work, for those who start them.

    Raises:
        ConfigurationError: there is no such model, it takes no images, or images are misnamed.
        InputError: there is no image.

    Cost: reads the ids of the pool, or lists the images; no image is read.
    """
    shard_numbers(shards)
    chosen = model_named(root, model)
    plan = _of_images(chosen, images) if images else _of_pool(chosen)
    write_prediction_plan(chosen.store, plan)
    return PredictionStarted(plan.name, plan.samples, plan.parts, chosen.title)


def model_named(root: str, model: str) -> Chosen:
    """The model that a prediction is by.

    Args:
        root: the campaign's folder or S3 prefix.
        model: `champion`, `final`, or the number of a cycle.

    Raises:
        ConfigurationError: there is no such model.
    """
    if model in (CHAMPION, FINAL):
        return choose_model(root, final=model == FINAL)
    if not model.isdecimal():
        raise ConfigurationError(f"There is no model {model!r}. Name {CHAMPION}, {FINAL} or the number of a cycle.")
    return choose_model(root, int(model))


def _of_pool(chosen: Chosen) -> PredictionPlan:
    """The pool as it is now, which may have grown since the model was trained."""
    campaign = read_state(chosen.store).campaign
    gone = read_withdrawn(chosen.store, campaign)
    samples = sum(name not in gone for name in ids_of_split(chosen.store, campaign, "pool"))
    return PredictionPlan(
        model_cycle=chosen.commit.cycle,
        model_commit=chosen.commit.digest,
        classes=chosen.campaign.classes,
        of="pool",
        table=campaign.pool,
        withdrawn=campaign.withdrawn,
        samples=samples,
        part_rows=POOL_ROWS,
    )


def _of_images(chosen: Chosen, images: str) -> PredictionPlan:
    from labelcycle.pipelines.models.classify_images import images_named
    from labelcycle.pipelines.models.network import backbone_of

    backbone_of(chosen)
    found = images_named(images)
    return PredictionPlan(
        model_cycle=chosen.commit.cycle,
        model_commit=chosen.commit.digest,
        classes=chosen.campaign.classes,
        of="images",
        table=_write_images(chosen.store, found),
        samples=len(found),
        part_rows=IMAGE_ROWS,
    )


def _write_images(store: Store, images: dict[str, str]) -> ObjectReference:
    """Write the list of images, sorted by name, and return the reference to it."""
    names = sorted(images)
    try:
        table = pa.table({"sample_id": names, "uri": [_absolute(images[name]) for name in names]}, schema=IMAGES)
    except UnicodeEncodeError as error:
        raise InputError(
            f"The name of an image is not UTF-8: {error.object!r}. Rename it, or classify it without --resumable."
        ) from error
    data = table_bytes(table)
    return write_object(store, f"{FOLDER}/images/{digest_of_bytes(data)[:16]}.parquet", data)


def _absolute(uri: str) -> str:
    return uri if "://" in uri else str(Path(uri).absolute())
