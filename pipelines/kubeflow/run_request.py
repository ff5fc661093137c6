"""What a run or a schedule is to do: the package, its arguments, and where it belongs."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET
from labelcycle.pipelines.kubeflow.connection import Kubeflow, quiet
from labelcycle.pipelines.kubeflow.package import forbid_caching, write_package
from labelcycle.pipelines.kubeflow.transport import Refusal
from labelcycle.pipelines.profiles.profile import read_profile

CONFLICT = 409


class Job(TypedDict):
    """What `kfp.Client.run_pipeline` and `create_recurring_run` are both given."""

    experiment_id: str
    pipeline_package_path: str
    params: Mapping[str, str | int]
    service_account: str | None


@dataclass(frozen=True)
class RunRequest:
    """Settings that a run and a schedule share.

    Attributes:
        root: the campaign's S3 prefix.
        image: of all stages.
        profile: name or path of what the stages' pods ask of the cluster.
        labels_from: a label file to read instead of the campaign's own source.
        shards: parts of embed and score; None for the profile's.
        experiment: where the pages list it; made if need be.
        service_account: of the pods; None for the installation's.
        cache: whether stages that allow it may be skipped where KFP has seen the same inputs.
        storage_secret, tracking_secret, labelling_secret, settings_map: names in the namespace of the pods.
    """

    root: str
    image: str
    profile: str = "small"
    labels_from: str = ""
    shards: int | None = None
    experiment: str = "labelcycle"
    service_account: str | None = None
    cache: bool = True
    storage_secret: str = STORAGE_SECRET
    tracking_secret: str = TRACKING_SECRET
    labelling_secret: str = LABELLING_SECRET
    settings_map: str = SETTINGS_MAP

    def arguments(self, finalize: bool = False) -> dict[str, str | int]:
        """The pipeline's arguments."""
        return {
            "root": self.root,
            "labels_from": self.labels_from,
            "finalize": finalize,
            "shards": read_profile(self.profile).shards if self.shards is None else self.shards,
            "storage_secret": self.storage_secret,
            "tracking_secret": self.tracking_secret,
            "labelling_secret": self.labelling_secret,
            "settings_map": self.settings_map,
        }

    @contextmanager
    def job(self, kubeflow: Kubeflow, campaign: Campaign, finalize: bool = False) -> Iterator[Job]:
        """The arguments of a run or a recurring run; the compiled file lives as long.

        The package has tasks for the shards asked for, and none that the campaign cannot need.

        Raises:
            ConfigurationError: there is no such profile, or the API refuses the experiment.
            TransientError: the API cannot be reached.
        """
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder) / "cycle.yaml"
            with quiet():
                write_package(
                    "cycle",
                    package,
                    read_profile(self.profile),
                    self.image,
                    self.shards,
                    features_stay=not campaign.recipe.changes_features,
                    tells_of_failures=campaign.notify is not None and "cycle_failed" in campaign.notify.events,
                )
            if not self.cache:
                forbid_caching(package)
            yield {
                "experiment_id": experiment_id(kubeflow, self.experiment),
                "pipeline_package_path": str(package),
                "params": self.arguments(finalize),
                "service_account": self.service_account,
            }


def experiment_id(kubeflow: Kubeflow, name: str) -> str:
    """The identifier of the experiment, which is made unless it is there or another process makes it meanwhile."""
    with quiet():
        try:
            experiment = kubeflow.client.create_experiment(name, namespace=kubeflow.namespace)
        except Refusal as error:
            if error.status != CONFLICT:
                raise
            experiment = kubeflow.client.get_experiment(experiment_name=name, namespace=kubeflow.namespace)
    return str(experiment.experiment_id)
