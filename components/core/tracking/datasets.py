"""The tables that a cycle was made from, as MLflow's dataset inputs: place and digest of each, never its rows."""

import json
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag

from labelcycle.components.core.attempt import Decision
from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.objects import ObjectReference
from labelcycle.components.core.storage import Store

DIGEST_LENGTH = 36
"""MLflow holds no more characters of a digest; the source has it whole."""


def dataset_inputs(store: Store, campaign: Campaign, decision: Decision) -> list[DatasetInput]:
    """The pool, and for a cycle that trains the labels and the test set."""
    inputs = [_input("pool", _dataset(store, f"{campaign.name}-pool", [campaign.pool]))]
    if decision.labels:
        labels = _dataset(store, f"{campaign.name}-labels", decision.labels, {"num_rows": decision.answered})
        inputs += [_input("training", labels), _input("evaluation", test_set(store, campaign))]
    return inputs


def test_set(store: Store, campaign: Campaign) -> Dataset:
    """The true classes of the test samples."""
    return _dataset(store, f"{campaign.name}-truth", [campaign.truth])


def _dataset(
    store: Store, name: str, references: list[ObjectReference], profile: dict[str, Any] | None = None
) -> Dataset:
    """One dataset in one or more tables. Its digest is the table's, or that of all the tables' digests."""
    digests = [reference.sha256 for reference in references]
    digest = digests[0] if len(digests) == 1 else digest_of_json(digests)
    source: dict[str, Any] = {"uri": store.locate(references[-1].key), "sha256": digest}
    if len(references) > 1:
        source["parts"] = [reference.model_dump(mode="json") for reference in references]
    return Dataset(
        name=name,
        digest=digest[:DIGEST_LENGTH],
        source_type="s3" if store.root.startswith("s3://") else "local",
        source=json.dumps(source),
        profile=None if profile is None else json.dumps(profile),
    )


def _input(context: str, dataset: Dataset) -> DatasetInput:
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
