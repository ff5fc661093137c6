"""A profile: what each stage's pod asks of the cluster, one YAML file, for Kubeflow Pipelines and Argo alike."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from labelcycle.components.core.config.recipe import describe
from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.config.settings_files import named_file
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.graph import STAGES

FOLDER = Path(__file__).parent

Cores = Annotated[str, Field(pattern=r"^([0-9]+m|[0-9]+(\.[0-9]+)?)$")]
"""Processor cores as Kubernetes writes them: `500m`, `2`, `1.5`."""

Bytes = Annotated[str, Field(pattern=r"^[0-9]+(Mi|Gi)$")]
"""Memory as Kubernetes writes it, in binary units: `512Mi`, `16Gi`."""


class Accelerator(Settings):
    """GPUs: the name of the resource that the device plug-in offers, and how many."""

    resource: str = "nvidia.com/gpu"
    count: Annotated[int, Field(ge=1)] = 1


class Toleration(Settings):
    """A taint that the stage's pod may run in spite of. `effect` of None tolerates all effects."""

    key: str
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class Placement(Settings):
    """What one stage's pod asks of the cluster.

    Attributes:
        cpu, memory: requests.
        cpu_limit, memory_limit: limits.
        accelerator: GPUs; the stage then runs in the image for CUDA.
        shared_memory: size of /dev/shm, which counts towards the memory limit; None for the container runtime's 64 MiB.
        retries: how often a stage that failed in a way that may pass is tried again, on Argo in another pod, on
            Kubeflow within its pod; and how often a lost pod is replaced. Stages may be repeated at any point.
        backoff_seconds: wait before the first retry, doubled for each one after it.
        timeout_seconds: how long the stage may take in one pod; its process then ends with exit code 2.
        pull_seconds: what its pod may take besides, to pull the image and start: a pod without an image is ended then.
        node_selector: labels that the node must have.
        tolerations: taints of nodes that are no obstacle.
    """

    cpu: Cores
    memory: Bytes
    cpu_limit: Cores
    memory_limit: Bytes
    accelerator: Accelerator | None = None
    shared_memory: Bytes | None = None
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    backoff_seconds: Annotated[int, Field(ge=1)] = 30
    timeout_seconds: Annotated[int, Field(ge=60)] = 3600
    pull_seconds: Annotated[int, Field(ge=60)] = 900
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()

    @property
    def pod_seconds(self) -> int:
        """What the pod may take from its start on a node to its end, in seconds: the pulling of its image counts."""
        return self.timeout_seconds + self.pull_seconds

    @model_validator(mode="after")
    def _requests_are_within_limits(self) -> "Placement":
        """Kubernetes refuses a pod that asks for more than its limit, when it is too late."""
        for request, limit in (("cpu", "cpu_limit"), ("memory", "memory_limit"), ("shared_memory", "memory_limit")):
            asked, allowed = getattr(self, request), getattr(self, limit)
            if asked is not None and amount(asked) > amount(allowed):
                raise ValueError(f"{request} of {asked} is more than {limit} of {allowed}")
        return self


def amount(quantity: str) -> float:
    """How many cores, or GiB, a quantity of Kubernetes is."""
    for suffix, unit in (("m", 1 / 1000), ("Mi", 1 / 1024), ("Gi", 1.0)):
        if quantity.endswith(suffix):
            return float(quantity.removesuffix(suffix)) * unit
    return float(quantity)


BRIEF: dict[str, dict[str, int]] = {"notify": {"timeout_seconds": 120, "retries": 1, "backoff_seconds": 10}}
"""What differs from `every`, unless a profile says otherwise: a run ends only when people were told that it failed."""


class Profile(Settings):
    """Placements of all stages.

    Attributes:
        name: the file's stem.
        summary: whom it is for, in a sentence.
        shards: parts that embed and score are split into, unless a run asks for another number.
        shards_at_once: pods of such a stage that run at a time.
        offloaded_node_status: whether the cluster's Argo keeps the status of pods in a database, so that a run may have
            more of them than fit into one object of Kubernetes.
        stages: placement of each stage.
    """

    name: str
    summary: str
    shards: Annotated[int, Field(ge=1)] = 1
    shards_at_once: Annotated[int, Field(ge=1)] = 16
    offloaded_node_status: bool = False
    stages: dict[str, Placement]

    @model_validator(mode="before")
    @classmethod
    def _lay_over_every(cls, given: Any) -> Any:
        """A file says under `every` what holds for all stages, and under `stages` what differs.

        One without `every` that is older than a stage places that as it does the one that `LATER` names.
        """
        if not isinstance(given, dict):
            return given
        if "every" not in given:
            return _with_later_stages(given)
        every, own = given["every"], given.get("stages") or {}
        if not isinstance(every, dict) or not isinstance(own, dict):
            return given
        _refuse_unknown(own)
        rest = {key: value for key, value in given.items() if key != "every"}
        stages = {stage: {**every, **BRIEF.get(stage, {}), **(own.get(stage) or {})} for stage in STAGES}
        return {**rest, "stages": stages}

    @model_validator(mode="after")
    def _name_stages(self) -> "Profile":
        _refuse_unknown(self.stages)
        return self


LATER = {
    "notify": "publish",
    "prediction_start": "publish",
    "prediction_parts": "embed",
    "prediction_commit": "publish",
}
"""Stages that are younger than profiles, and the one that each is placed like where a profile does not name it."""


def _with_later_stages(given: dict[str, Any]) -> dict[str, Any]:
    stages = given.get("stages")
    if not isinstance(stages, dict):
        return given
    later = {
        stage: {**stages[like], **BRIEF.get(stage, {})}
        for stage, like in LATER.items()
        if stage not in stages and isinstance(stages.get(like), dict)
    }
    return {**given, "stages": {**stages, **later}}


def _refuse_unknown(stages: Mapping[str, object]) -> None:
    if unknown := sorted(stages.keys() - STAGES.keys()):
        raise ValueError(f"there is no stage {unknown[0]!r}; stages are {', '.join(STAGES)}")


def read_profile(name: str) -> Profile:
    """Read a profile: `small`, `gpu`, `a100`, or the path of a YAML file.

    Raises:
        ConfigurationError: there is no such profile, or the file does not say what a profile says.
    """
    path = named_file("profile", FOLDER, name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"Cannot read profile {path}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"Profile {path} is not a mapping of settings. Copy {FOLDER / 'small.yaml'}.")
    try:
        return Profile.model_validate({"name": path.stem, **content})
    except ValidationError as error:
        raise ConfigurationError(f"Profile {path} is invalid:\n{describe(error)}") from error


def all_profiles() -> list[Profile]:
    """The profiles that come with labelcycle, by name."""
    return [read_profile(path.stem) for path in sorted(FOLDER.glob("*.yaml"))]
