"""What comes from the environment: credentials under labelcycle's own names, the rank of this process, the image.

In a pod of Kubeflow Pipelines the launcher uploads with any `AWS_…` that it finds, which must not outrank its role, and
its MLflow plug-in sets `MLFLOW_…`, beside which Kubernetes takes no reference of the same name. So both have names of
labelcycle's own, which win.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and put back what was there before when the block ends."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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


def processes() -> int:
    """How many there are; 1 where nothing was launched."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


IMAGE = os.environ.get("LABELCYCLE_IMAGE", "labelcycle-python:0.1.0")
"""One image for all stages. kfp.local warns about names that lack `python`."""
