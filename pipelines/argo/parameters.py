"""The parameters of the workflows: what a submission may set, and how templates refer to it."""

from hera.workflows import Parameter

from labelcycle.pipelines.argo.rendering import Rendering
from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET

ROOT = "{{workflow.parameters.root}}"
SHARDS = "{{workflow.parameters.shards}}"
STORAGE = "{{workflow.parameters.storage_secret}}"
TRACKING = "{{workflow.parameters.tracking_secret}}"
LABELLING = "{{workflow.parameters.labelling_secret}}"
SETTINGS = "{{workflow.parameters.settings_map}}"

LABELS_FROM = "{{inputs.parameters.labels_from}}"
FINALIZE = "{{inputs.parameters.finalize}}"
CYCLE_NUMBER = "{{inputs.parameters.cycle}}"
ATTEMPT = "{{inputs.parameters.attempt}}"


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
            description="Parts that embed and score are split into; the result is the same for any number.",
        ),
        Parameter(
            name="storage_secret", value=STORAGE_SECRET, description="Secret with the object store's credentials."
        ),
        Parameter(name="tracking_secret", value=TRACKING_SECRET, description="Secret with MLflow's credentials."),
        Parameter(
            name="labelling_secret", value=LABELLING_SECRET, description="Secret with the labelling tool's token."
        ),
        Parameter(
            name="settings_map",
            value=SETTINGS_MAP,
            description="ConfigMap with the addresses of the object store and of MLflow.",
        ),
    ]
