"""`labelcycle submit --predict`: a prediction as one run of Kubeflow Pipelines, created once."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.kubeflow.cluster_campaign import OBJECT_STORE, ClusterCampaign
from labelcycle.pipelines.kubeflow.connection import Kubeflow, quiet
from labelcycle.pipelines.kubeflow.lookup import create_once, is_over, name_at, runs_named
from labelcycle.pipelines.kubeflow.package import write_package
from labelcycle.pipelines.kubeflow.run_request import Job, RunRequest, experiment_id
from labelcycle.pipelines.kubeflow.submission import Submission
from labelcycle.pipelines.prediction.start import model_named
from labelcycle.pipelines.profiles.profile import read_profile

DIGITS = 6


@dataclass(frozen=True)
class WantedPrediction:
    """What is to be predicted.

    Attributes:
        images: an `s3://` prefix, or a `.txt` list; empty for the pool.
        model: `champion`, `final`, or the number of a cycle.
        output: a file for all predictions, by `s3://` URI; empty for none.

    Raises:
        ConfigurationError: images or output are on this machine.
    """

    images: str = ""
    model: str = "champion"
    output: str = ""

    def __post_init__(self) -> None:
        for flag, given in (("--images", self.images), ("--output", self.output)):
            if given and not given.startswith(OBJECT_STORE):
                raise ConfigurationError(
                    f"{flag} {given} is on this machine, where pods in a cluster cannot reach it. Name a place in the "
                    "object store: s3://bucket/…"
                )


def submit_prediction(
    kubeflow: Kubeflow, campaign: ClusterCampaign, request: RunRequest, wanted: WantedPrediction, dry_run: bool = False
) -> Submission:
    """Create a run of a prediction, unless one of the same is under way.

    The name says campaign, root, and a digest of model, pool, images and output, so that asking twice finds the first
    run. One that has ended may be followed by another, which makes what is not there.

    Args:
        kubeflow: where to.
        campaign: whose model.
        request: image, profile, shards and names in the cluster.
        wanted: what is to be predicted.
        dry_run: look, but create nothing.

    Raises:
        ConfigurationError: there is no such model, or the API refuses the run.
        TransientError: the API cannot be reached.
    """
    state = campaign.read()
    name = f"{name_at(campaign.root, state.campaign)}-predict-{_token(campaign.root, state, wanted)}"
    runs = runs_named(kubeflow, name, campaign.root)
    under_way = [run for run in runs.values() if not is_over(run)]
    if under_way:
        return Submission(state, under_way[0].display_name, under_way[0])
    name = f"{name}-{max(runs) + 1}" if runs else name
    if dry_run:
        return Submission(state, name)

    def create() -> Any:
        with quiet():
            return kubeflow.client.run_pipeline(job_name=name, **job)

    def look() -> Any:
        return next(
            (run for run in runs_named(kubeflow, name, campaign.root).values() if run.display_name == name), None
        )

    with _job(kubeflow, request, wanted) as job:
        return Submission(state, name, create_once(create, look, f"Run {name}"), created=True)


def _token(root: str, state: State, wanted: WantedPrediction) -> str:
    """What tells predictions of one campaign apart: the pool may have grown, and the champion be another."""
    model, pool = model_named(root, wanted.model).commit.digest, state.campaign.pool.sha256
    return digest_of_json([model, pool, wanted.images, wanted.output])[:DIGITS]


@contextmanager
def _job(kubeflow: Kubeflow, request: RunRequest, wanted: WantedPrediction) -> Iterator[Job]:
    """The arguments of a run; the compiled file lives as long."""
    profile = read_profile(request.profile)
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "predict.yaml"
        with quiet():
            write_package("predict", package, profile, request.image, request.shards)
        yield {
            "experiment_id": experiment_id(kubeflow, request.experiment),
            "pipeline_package_path": str(package),
            "params": {
                "root": request.root,
                "images": wanted.images,
                "model": wanted.model,
                "output": wanted.output,
                "shards": request.shards or profile.shards,
                "storage_secret": request.storage_secret,
                "settings_map": request.settings_map,
            },
            "service_account": request.service_account,
        }
