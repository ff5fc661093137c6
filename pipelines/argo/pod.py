"""The pod of a stage: resources, nodes, rights, environment, and which failures are retried."""

from typing import Any, TypedDict

from hera.workflows import ConfigMapEnv, EmptyDirVolume, Env, Resources, RetryPolicy, RetryStrategy, SecretEnv
from hera.workflows.models import Backoff, Capabilities, PodSecurityContext, SeccompProfile, SecurityContext, Toleration

from labelcycle.components.core.runtime.stage_deadline import VARIABLE as STAGE_SECONDS
from labelcycle.pipelines.argo.rendering import LABELLING, NOTIFICATION, SETTINGS, STORAGE, TRACKING
from labelcycle.pipelines.cluster import (
    LABELLING_KEYS,
    NOTIFICATION_KEYS,
    SETTINGS_KEYS,
    STORAGE_KEYS,
    TRACKING_KEYS,
)
from labelcycle.pipelines.graph import STAGES, Secret
from labelcycle.pipelines.profiles.profile import Placement

ENDED_BY_THE_STAGE = "lastRetry.exitCode in ['1', '3']"
"""An expression of Argo's: wrong input (1), or a wait for labels (3)."""

NEVER_MADE = (
    "(lastRetry.status == 'Error' && lastRetry.message matches "
    "'is forbidden|is invalid|ErrImage|ImagePull|InvalidImageName|CreateContainerConfigError')"
)
"""Kubernetes refuses the pod: its security, a quota, an account or a right that is missing, a wrong field or name.

Argo itself waits where a quota is used up. Pods that were deleted are errors as well, and end in other words.
"""

NEVER_BEGUN = "lastRetry.message matches 'longer than the specified deadline'"
"""The pod was ended at its deadline: its stage never began, as where the image cannot be pulled, or a secret that is
mounted as a file is missing. A stage that began ends at its own time, before the pod's, with exit code 2. Argo 4.0.5
tells the exit code of such a pod as 137, as if it had been killed at work."""

WORTH_ANOTHER_TRY = f"!({ENDED_BY_THE_STAGE}\n|| {NEVER_MADE}\n|| {NEVER_BEGUN})\n"
"""All but what another try cannot mend.

What is left is a failure that may pass (2), a stage that was killed (above 128), a pod that vanished (-1), and a stage
that did its work while Argo could not save its outputs (0). A stage may be repeated at any point.

Source: argoproj/argo-workflows, buildRetryStrategyLocalScope and inferFailedReason of workflow/controller/operator.go,
in 3.6, 3.7, 4.0 and 4.1 alike. A try without an exit code has -1.
"""


def retry_strategy(placement: Placement) -> RetryStrategy | None:
    """How often a stage is tried again, and after what wait; None where never."""
    if not placement.retries:
        return None
    return RetryStrategy(
        limit=str(placement.retries),
        retry_policy=RetryPolicy.always,
        expression=WORTH_ANOTHER_TRY,
        backoff=Backoff(duration=f"{placement.backoff_seconds}s", factor="2"),
    )


SCRATCH = "/tmp"
"""The only folder that a stage may write to, besides /dev/shm."""


class CommandSettings(TypedDict):
    """Arguments of a `hera.workflows.Container`."""

    labels: dict[str, str]
    resources: Resources
    env: list[Env | SecretEnv | ConfigMapEnv]
    volumes: list[EmptyDirVolume]
    security_context: SecurityContext
    pod_security_context: PodSecurityContext
    automount_service_account_token: bool
    node_selector: dict[str, str] | None
    tolerations: list[Toleration] | None
    active_deadline_seconds: int
    retry_strategy: RetryStrategy | None


def pod_settings(stage: str, placement: Placement) -> CommandSettings:
    """What the stage's container is made with, all but what it runs."""
    return command_settings(stage.replace("_", "-"), placement, STAGES[stage].secrets)


def command_settings(component: str, placement: Placement, secrets: tuple[Secret, ...]) -> CommandSettings:
    """What the container of a command is made with, all but what it runs.

    Args:
        component: what it is, for its label.
        placement: what its pod asks for.
        secrets: the credentials that it has.
    """
    return {
        "labels": labels(component),
        "resources": _resources(placement),
        "env": _environment(secrets, placement),
        "volumes": _volumes(placement),
        "security_context": _container_rights(),
        "pod_security_context": _pod_rights(),
        "automount_service_account_token": True,  # Argo's executor, a container of the same pod, reports by it
        "node_selector": dict(placement.node_selector) or None,
        "tolerations": [_toleration(given) for given in placement.tolerations] or None,
        "active_deadline_seconds": placement.pod_seconds,
        "retry_strategy": retry_strategy(placement),
    }


def labels(component: str) -> dict[str, str]:
    """The labels that Kubernetes recommends, for a part of labelcycle."""
    return {
        "app.kubernetes.io/name": "labelcycle",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "labelcycle",
    }


def _resources(placement: Placement) -> Resources:
    accelerator = placement.accelerator
    return Resources(
        cpu_request=placement.cpu,
        cpu_limit=placement.cpu_limit,
        memory_request=placement.memory,
        memory_limit=placement.memory_limit,
        gpus=accelerator.count if accelerator is not None else None,
        gpu_flag=accelerator.resource if accelerator is not None else None,
    )


def _environment(secrets: tuple[Secret, ...], placement: Placement) -> list[Env | SecretEnv | ConfigMapEnv]:
    """The command's time, credentials and addresses.

    The last two are optional: a cluster may give rights to the service account instead.
    """
    variables: list[Env | SecretEnv | ConfigMapEnv] = [
        Env(name="HOME", value=SCRATCH),
        Env(name=STAGE_SECONDS, value=str(placement.timeout_seconds)),
    ]
    for key in SETTINGS_KEYS:
        variables.append(ConfigMapEnv(name=key, config_map_name=SETTINGS, config_map_key=key, optional=True))
    for secret in secrets:
        variables += _credentials(*CREDENTIALS[secret])
    return variables


CREDENTIALS: dict[Secret, tuple[str, tuple[str, ...]]] = {
    "storage": (STORAGE, STORAGE_KEYS),
    "tracking": (TRACKING, TRACKING_KEYS),
    "labelling": (LABELLING, LABELLING_KEYS),
    "notification": (NOTIFICATION, NOTIFICATION_KEYS),
}
"""The parameter that names each secret, and its keys."""


def _credentials(secret: str, keys: tuple[str, ...]) -> list[SecretEnv]:
    return [SecretEnv(name=key, secret_name=secret, secret_key=key, optional=True) for key in keys]


def _volumes(placement: Placement) -> list[EmptyDirVolume]:
    volumes = [EmptyDirVolume(name="scratch", mount_path=SCRATCH)]
    if placement.shared_memory is not None:
        size: Any = placement.shared_memory
        volumes.append(EmptyDirVolume(name="shared-memory", mount_path="/dev/shm", medium="Memory", size_limit=size))
    return volumes


def _container_rights() -> SecurityContext:
    """What Kubernetes' pod security standard `restricted` asks of a container, and a root that is read-only."""
    return SecurityContext(
        run_as_non_root=True,
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=Capabilities(drop=["ALL"]),
    )


def _pod_rights() -> PodSecurityContext:
    return PodSecurityContext(run_as_non_root=True, seccomp_profile=SeccompProfile(type="RuntimeDefault"))


def _toleration(given: Any) -> Toleration:
    return Toleration(key=given.key, operator=given.operator, value=given.value or None, effect=given.effect)
