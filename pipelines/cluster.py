"""Names that Kubeflow, Argo and the manifests share: secrets and settings of the pods, and the images."""

STORAGE_SECRET = "labelcycle-storage"
STORAGE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""Credentials of the object store as environment variables; `pipelines.graph` says which stages have which.

On Argo these have the same names. On Kubeflow they have labelcycle's own, because KFP's launcher uploads from the same
container, by whatever `AWS_…` it finds there (`labelcycle.components.core.config.environment`).
"""

PRUNING_SECRET = "labelcycle-pruning"
"""Credentials that may delete objects, under the same keys; `labelcycle prune` alone has them."""

TRACKING_SECRET = "labelcycle-tracking"
TRACKING_KEYS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
"""Credentials of the MLflow server.

On Kubeflow under labelcycle's own names, because KFP's MLflow plug-in sets `MLFLOW_…` by itself.
"""

LABELLING_SECRET = "labelcycle-labelling"
LABELLING_KEYS = ("LABEL_STUDIO_TOKEN",)
"""Credentials of the labelling tool."""

NOTIFICATION_SECRET = "labelcycle-notification"
NOTIFICATION_KEYS = ("LABELCYCLE_WEBHOOK_URL", "LABELCYCLE_WEBHOOK_SECRET", "LABELCYCLE_SMTP_PASSWORD")
"""Where people are told what happens: the webhook's address and what signs it, and the mail server's password."""

SETTINGS_MAP = "labelcycle-settings"
SETTINGS_KEYS = (
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
    "MLFLOW_TRACKING_URI",
    "LABELCYCLE_IMAGE_SOURCES",
    "LABELCYCLE_LOG",
)
"""Addresses, the places that images may come from, and the kind of log, in a ConfigMap: every stage has them as
environment variables, on Kubeflow those of AWS and MLflow under labelcycle's own names."""

CUDA_SUFFIX = "-cuda"
"""What the tag of the image for GPUs ends in."""
