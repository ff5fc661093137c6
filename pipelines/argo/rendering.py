"""What manifests are rendered for: the cluster's profile, the image, the campaign, and what a submission may set."""

import re
from dataclasses import dataclass
from typing import Any

from hera.workflows import Parameter

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.cluster import (
    CUDA_SUFFIX,
    LABELLING_SECRET,
    NOTIFICATION_SECRET,
    SETTINGS_MAP,
    STORAGE_SECRET,
    TRACKING_SECRET,
)
from labelcycle.pipelines.graph import CYCLE as CYCLE_GRAPH
from labelcycle.pipelines.graph import Graph
from labelcycle.pipelines.profiles.profile import Placement, Profile
from labelcycle.pipelines.profiles.shard_limit import refuse_too_many_shards

Manifest = dict[str, Any]
"""An object of Kubernetes, Argo or kustomize as YAML has it; their schemas are not ours."""

CYCLE = "labelcycle-cycle"
"""The workflow template of one cycle, and the schedule that starts it."""

CAMPAIGN = "labelcycle-campaign"
"""The workflow template of a whole campaign that people label for."""

EXAMPLE_ROOT = "s3://labelcycle/campaign"

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_CRON_FIELDS = 5


@dataclass(frozen=True)
class Rendering:
    """What the manifests are for.

    Attributes:
        profile: what each stage's pod asks of the cluster.
        image: of all stages, with a tag; stages with an accelerator run in the one whose tag ends in `-cuda`.
        root: the campaign's S3 prefix that workflows work on unless a submission names another.
        cron: when the schedule starts a cycle, in five fields, UTC.
        suspended: whether the schedule waits until somebody resumes it.
        namespace: of all manifests.
        graph: what a cycle runs, in which order.

    Raises:
        ConfigurationError: one of these cannot be.
    """

    profile: Profile
    image: str
    root: str = EXAMPLE_ROOT
    cron: str = "0 * * * *"
    suspended: bool = True
    namespace: str = "labelcycle"
    graph: Graph = CYCLE_GRAPH

    def __post_init__(self) -> None:
        if not re.fullmatch(r"s3://[^/{}]+(/[^{}]*)?", self.root):
            raise ConfigurationError(
                f"The root {self.root!r} is no S3 prefix. Pods share no folder: name one as in --root {EXAMPLE_ROOT}."
            )
        if len(self.cron.split()) != _CRON_FIELDS:
            raise ConfigurationError(
                f"The schedule {self.cron!r} has {len(self.cron.split())} fields. Argo takes five: minute, hour, day, "
                "month and weekday, as in --cron '0 * * * *'."
            )
        if not _LABEL.fullmatch(self.namespace):
            raise ConfigurationError(
                f"The namespace {self.namespace!r} is not a name that Kubernetes takes: lower-case letters, digits and "
                "hyphens, 63 at most."
            )
        refuse_too_many_shards("Argo", self.profile.shards, self.profile)
        for stage, placement in self.profile.stages.items():
            if placement.accelerator is not None and "@" in self.image:
                raise ConfigurationError(
                    f"Profile {self.profile.name} runs {stage} in the image for CUDA, whose tag ends in {CUDA_SUFFIX}; "
                    f"{self.image!r} is named by digest. Name it by tag with --image."
                )

    def image_for(self, placement: Placement) -> str:
        """The image of a stage that is placed so."""
        return self.image + (CUDA_SUFFIX if placement.accelerator is not None else "")


ROOT = "{{workflow.parameters.root}}"
SHARDS = "{{workflow.parameters.shards}}"
STORAGE = "{{workflow.parameters.storage_secret}}"
TRACKING = "{{workflow.parameters.tracking_secret}}"
LABELLING = "{{workflow.parameters.labelling_secret}}"
NOTIFICATION = "{{workflow.parameters.notification_secret}}"
SETTINGS = "{{workflow.parameters.settings_map}}"

LABELS_FROM = "{{inputs.parameters.labels_from}}"
FINALIZE = "{{inputs.parameters.finalize}}"


def workflow_parameters(rendering: Rendering) -> list[Parameter]:
    """What a submission of any workflow may set; the defaults are the rendering's."""
    return [
        Parameter(name="root", value=rendering.root, description="The campaign's S3 prefix."),
        Parameter(
            name="labels_from",
            value="",
            description="A label file instead of the campaign's own source; empty for its own.",
        ),
        Parameter(
            name="finalize",
            value="false",
            enum=["false", "true"],
            description="Train the final model on every label so far, and end the campaign.",
        ),
        Parameter(
            name="shards",
            value=str(rendering.profile.shards),
            description="Parts that sharded stages are split into; the result is the same for any number.",
        ),
        Parameter(
            name="storage_secret", value=STORAGE_SECRET, description="Secret with the object store's credentials."
        ),
        Parameter(name="tracking_secret", value=TRACKING_SECRET, description="Secret with MLflow's credentials."),
        Parameter(
            name="labelling_secret", value=LABELLING_SECRET, description="Secret with the labelling tool's token."
        ),
        Parameter(
            name="notification_secret",
            value=NOTIFICATION_SECRET,
            description="Secret with the addresses where people are told what happens.",
        ),
        Parameter(
            name="settings_map",
            value=SETTINGS_MAP,
            description="ConfigMap with the addresses of the object store and of MLflow.",
        ),
    ]
