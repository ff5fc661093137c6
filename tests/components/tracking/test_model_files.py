"""The folder of a model whose backbone was tuned."""

import json

from labelcycle.components.core.storage.objects import write_object
from labelcycle.components.tracking.model_registry import description, model_files


def test_a_tuned_backbone_is_in_the_folder_and_named(campaign):
    campaign.commit_cold_start()
    commit = campaign.commit_training(accuracy=0.5)
    space = "0123456789abcdef"

    def files_of(commit):
        return model_files(
            campaign.store, commit, description(campaign.store, campaign.campaign, commit, space, "a copy")
        )

    plain = files_of(commit)
    assert "backbone.safetensors" not in plain
    backbone = json.loads(plain["model.json"])["backbone"]
    assert backbone["file"] is None and backbone["weights_copy"] == "a copy"
    assert backbone["weights"] == campaign.store.locate(campaign.campaign.backbone.weights.key)
    weights = write_object(campaign.store, "cycles/1/x/backbone.safetensors", b"tuned weights")
    tuned = commit.model_copy(update={"objects": commit.objects | {"backbone": weights}})
    files = files_of(tuned)
    assert files["backbone.safetensors"] == b"tuned weights"
    backbone = json.loads(files["model.json"])["backbone"]
    assert backbone["file"] == "backbone.safetensors" and backbone["weights_sha256"] == weights.sha256
    assert backbone["weights"] is None and backbone["weights_copy"] is None
    assert backbone["name"] == campaign.campaign.backbone.name
