"""What a prediction is of: one model, and the pool or a list of images. Its digest names the folder of its parts."""

from typing import Literal

import pyarrow as pa

from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.ordering import ALIGNED_CHUNKS, CHUNK_ROWS
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, Record, read_sealed, sealed

FOLDER = "predictions"

POOL_ROWS = ALIGNED_CHUNKS * CHUNK_ROWS
"""Samples of a part of the pool: as many as parts of imported features have at most."""

IMAGE_ROWS = CHUNK_ROWS
"""Images of a part, whose features have to be made: what a pod that is lost has computed in vain."""

DIGITS = 16

IMAGES = pa.schema([pa.field("sample_id", pa.string(), nullable=False), pa.field("uri", pa.string(), nullable=False)])
"""One row an image, sorted by its name, which is its id."""


class PredictionPlan(Record):
    """What is classified, and by which model. Two that are equal have one name.

    Attributes:
        model_cycle: the cycle of the model.
        model_commit: the digest of that cycle's commit.
        classes: the classes that the model knows, in the order of its probabilities.
        of: the campaign's pool, or images that a table lists.
        table: the pool's table, or one with the rows of `IMAGES`.
        withdrawn: the campaign's samples that are left out; None for none.
        samples: how many are classified.
        part_rows: samples of a part; the last one may have fewer.
    """

    model_cycle: int
    model_commit: str
    classes: list[str]
    of: Literal["pool", "images"]
    table: ObjectReference
    withdrawn: ObjectReference | None = None
    samples: int
    part_rows: int

    @property
    def name(self) -> str:
        """The first digits of the digest of all of it."""
        return digest_of_json(self.model_dump(mode="json"))[:DIGITS]

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.samples // self.part_rows)


def plan_key(name: str) -> str:
    """Where the plan of a prediction is."""
    return f"{FOLDER}/{name}/plan.json"


def write_prediction_plan(store: Store, plan: PredictionPlan) -> None:
    """Write a plan; one that is there already is the same."""
    store.write_if_absent(plan_key(plan.name), sealed(plan.model_dump(mode="json")))


def read_prediction_plan(store: Store, name: str) -> PredictionPlan:
    """The plan of a prediction.

    Raises:
        CampaignError: there is none of that name, or it was changed.
    """
    place = store.locate(plan_key(name))
    remedy = "Delete it and start the prediction again."
    plan = read_sealed(store, plan_key(name), PredictionPlan, "the plan of a prediction", remedy)
    if plan is None:
        raise CampaignError(f"There is no {place}. Run the stage prediction_start first; it names the prediction.")
    if plan.name != name:
        raise CampaignError(f"{place} is the plan of prediction {plan.name}, not of {name}. {remedy}")
    return plan
