"""The campaign's network in MLflow: one copy a campaign, in the artifacts of its run, for all versions."""

import tempfile
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from labelcycle.components.core.backbones.packaged import PACKAGED, packaged_weights
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.config.environment import environment
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import fetch_object
from labelcycle.components.tracking import experiments as tags
from labelcycle.components.tracking.location import sqlite_file, without_credentials
from labelcycle.components.tracking.mlflow_session import translated

FOLDER = "backbone"
MOST_BYTES = 1_000_000_000
"""Of a copy. A server lays what it hands on in a temporary folder first; that of the manifests has 2 GiB."""
SECONDS_FOR_AN_ANSWER = "600"
"""A server that hands files on to its own store answers when it has done so, which takes its time for gigabytes."""


def copy_of_backbone(client: MlflowClient, store: Store, parent: Run, backbone: Backbone | None) -> str | None:
    """Where MLflow keeps the campaign's network, which is uploaded unless it is there. None where it has no copy.

    It has none of the packaged network, none with more than `MOST_BYTES`, and none in a database of SQLite, whose files
    lie on the campaign's own disk. A failure is a notice. The model then names the campaign's own file alone.

    Args:
        client: of MLflow.
        store: the campaign's.
        parent: the campaign's run.
        backbone: None where the model needs none, since it is on features or has a tuned one in its folder.

    Cost: for the first cycle that trains, reading and uploading the weights and one request more; none after that.
    """
    if backbone is None or sqlite_file(client.tracking_uri) is not None or _is_packaged(backbone):
        return None
    run_id, digest = parent.info.run_id, backbone.weights.sha256
    kept = parent.data.tags.get(tags.BACKBONE, "")
    if not kept.startswith(digest):
        try:
            kept = _upload(client, store, run_id, backbone)
            client.set_tag(run_id, tags.BACKBONE, kept)
        except Exception as error:
            ours = translated(error, without_credentials(client.tracking_uri))
            if ours is None:
                raise
            notice(f"MLflow has no copy of the weights of {backbone.name} yet; the next cycle tries again: {ours}")
            return None
    return f"runs:/{run_id}/{FOLDER}/{_file_of(digest)}" if kept == digest else None


def _upload(client: MlflowClient, store: Store, run_id: str, backbone: Backbone) -> str:
    """Upload the weights unless they are too large. Returns what the campaign's tag says of it."""
    digest = backbone.weights.sha256
    path = fetch_object(store, backbone.weights).absolute()
    size = path.stat().st_size
    if size > MOST_BYTES:
        return f"{digest} is not copied: it has {size:,} bytes, and more than {MOST_BYTES:,} stay in the campaign alone"
    with (
        tempfile.TemporaryDirectory(prefix="labelcycle-mlflow-") as folder,
        environment({"MLFLOW_HTTP_REQUEST_TIMEOUT": SECONDS_FOR_AN_ANSWER}),
    ):
        link = Path(folder) / _file_of(digest)
        link.symlink_to(path)
        client.log_artifact(run_id, str(link), FOLDER)
    return digest


def _file_of(digest: str) -> str:
    return f"{digest}.safetensors"


def _is_packaged(backbone: Backbone) -> bool:
    return backbone.name == PACKAGED and backbone.weights.sha256 == digest_of_bytes(packaged_weights())
