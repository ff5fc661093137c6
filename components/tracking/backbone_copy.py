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
SECONDS_FOR_AN_ANSWER = "600"
"""A server that hands files on to its own store answers when it has done so, which takes its time for gigabytes."""


def copy_of_backbone(client: MlflowClient, store: Store, parent: Run, backbone: Backbone | None) -> str | None:
    """Where MLflow keeps the campaign's network, which is uploaded unless it is there. None where it needs no copy.

    It needs none where there is no network (None) or none beside a tuned one, for the packaged network, and in a database of SQLite, whose files lie on
    the campaign's own disk. A failure is a notice: the model then names the campaign's own file alone.

    Cost: for the first cycle that trains, an upload of the weights and one request more; none after that.
    """
    if backbone is None or sqlite_file(client.tracking_uri) is not None or _is_packaged(backbone):
        return None
    digest = backbone.weights.sha256
    name = f"{digest}.safetensors"
    run_id = parent.info.run_id
    if parent.data.tags.get(tags.BACKBONE) != digest:
        try:
            with (
                tempfile.TemporaryDirectory(prefix="labelcycle-mlflow-") as folder,
                environment({"MLFLOW_HTTP_REQUEST_TIMEOUT": SECONDS_FOR_AN_ANSWER}),
            ):
                path = Path(folder) / name
                path.symlink_to(fetch_object(store, backbone.weights).absolute())
                client.log_artifact(run_id, str(path), FOLDER)
            client.set_tag(run_id, tags.BACKBONE, digest)
        except Exception as error:
            ours = translated(error, without_credentials(client.tracking_uri))
            if ours is None:
                raise
            notice(f"MLflow has no copy of the weights of {backbone.name} yet; the next cycle tries again: {ours}")
            return None
    return f"runs:/{run_id}/{FOLDER}/{name}"


def _is_packaged(backbone: Backbone) -> bool:
    return backbone.name == PACKAGED and backbone.weights.sha256 == digest_of_bytes(packaged_weights())
