"""The folder of a model whose backbone was tuned."""

import json

from labelcycle.components.core.storage.objects import write_object
from labelcycle.components.tracking.model_registry import model_files


def test_a_tuned_backbone_is_in_the_folder_and_named(campaign):
    campaign.commit_cold_start()
    commit = campaign.commit_training(accuracy=0.5)
    space = "0123456789abcdef"
    plain = model_files(campaign.store, campaign.campaign, commit, space)
    assert "backbone.safetensors" not in plain
    assert json.loads(plain["model.json"])["backbone"]["file"] is None
    weights = write_object(campaign.store, "cycles/1/x/backbone.safetensors", b"tuned weights")
    tuned = commit.model_copy(update={"objects": commit.objects | {"backbone": weights}})
    files = model_files(campaign.store, campaign.campaign, tuned, space)
    assert files["backbone.safetensors"] == b"tuned weights"
    backbone = json.loads(files["model.json"])["backbone"]
    assert backbone["file"] == "backbone.safetensors" and backbone["weights_sha256"] == weights.sha256
    assert backbone["name"] == campaign.campaign.backbone.name
