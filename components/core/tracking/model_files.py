"""A cycle's model as a folder: safetensors for head, adapter and tuned backbone, and what they belong to.

No code, no pickle.
"""

from typing import Any

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.commits import Commit
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.objects import read_object
from labelcycle.components.core.storage import Store
from labelcycle.components.core.tuned import WEIGHTS, with_weights

FILES = {
    "head": "head.safetensors",
    "adapter_model": "adapter/adapter_model.safetensors",
    "adapter_config": "adapter/adapter_config.json",
    "backbone": WEIGHTS,
}
"""Objects of a commit that make up its model, and their paths in the model's folder."""


def model_files(store: Store, campaign: Campaign, commit: Commit, metrics: dict[str, Any]) -> dict[str, bytes]:
    """Content by path. `model.json` names the backbone, down to its weights, that head and adapter need."""
    files = {path: read_object(store, commit.objects[name]) for name, path in FILES.items() if name in commit.objects}
    return {**files, "model.json": canonical_json(description(campaign, commit, metrics))}


def description(campaign: Campaign, commit: Commit, metrics: dict[str, Any]) -> dict[str, Any]:
    """What a user of the model has to know: `model.json`.

    `backbone.file` is the tuned backbone's weights within the folder, None for the backbone as it comes.
    """
    backbone = campaign.backbone
    tuned = commit.objects.get("backbone")
    if backbone is not None and tuned is not None:
        backbone = with_weights(backbone, tuned)
    return {
        "campaign": campaign.identifier,
        "cycle": commit.cycle,
        "attempt": commit.attempt,
        "classes": campaign.classes,
        "space": metrics["space"],
        "backbone": backbone
        and {
            "name": backbone.name,
            "weights_sha256": backbone.weights.sha256,
            "file": None if tuned is None else WEIGHTS,
            "transform": backbone.transform.model_dump(mode="json"),
            "width": backbone.width,
            "pooling": backbone.pooling,
        },
        "adapter": "adapter_model" in commit.objects,
    }
