"""Settings of AWS and MLflow under names of labelcycle's own, for platforms that use the plain names themselves.

In a pod of Kubeflow Pipelines its launcher uploads with any `AWS_…` that it finds, which must not outrank its role, and
its MLflow plug-in sets `MLFLOW_…`, beside which Kubernetes takes no reference of the same name.
"""

import os

PREFIXES = {"AWS_": "LABELCYCLE_STORAGE_", "MLFLOW_": "LABELCYCLE_"}
"""What stands before the name, by what the name begins with."""


def own_name(variable: str) -> str:
    """The own name of an environment variable: `AWS_ENDPOINT_URL` → `LABELCYCLE_STORAGE_AWS_ENDPOINT_URL`.

    Variables that are neither AWS's nor MLflow's keep their name.
    """
    for beginning, prefix in PREFIXES.items():
        if variable.startswith(beginning):
            return prefix + variable
    return variable


def own_value(variable: str) -> str | None:
    """What the environment has under labelcycle's own name; None where that is empty or missing."""
    return os.environ.get(own_name(variable)) or None
