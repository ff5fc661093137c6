"""A profile applied to the tasks of a pipeline, through kfp and kfp-kubernetes."""

from kfp import dsl, kubernetes

from labelcycle.components.core.config.environment import own_name
from labelcycle.components.core.runtime.retries import BACKOFF_SECONDS, RETRIES
from labelcycle.components.core.runtime.stage_deadline import VARIABLE as STAGE_SECONDS
from labelcycle.pipelines.cluster import (
    CUDA_SUFFIX,
    LABELLING_KEYS,
    NOTIFICATION_KEYS,
    SETTINGS_KEYS,
    STORAGE_KEYS,
    TRACKING_KEYS,
)
from labelcycle.pipelines.graph import STAGES, Secret
from labelcycle.pipelines.placing import PlacePod
from labelcycle.pipelines.profiles.profile import Placement, Profile

BACKOFF_FACTOR = 2.0
"""What each wait before another try is longer than the one before."""

RUN_ID = ("KFP_RUN_ID", "metadata.labels['pipeline/runid']")
"""The variable by which MLflow's runs name the pipeline's run, and where a pod has it."""


def place_by(profile: Profile, image: str) -> PlacePod:
    """What asks for a profile's resources, and for the image.

    Args:
        profile: what each stage gets.
        image: the image of all stages; those with an accelerator run in the one whose tag ends in `-cuda`.
    """

    def place(
        task: dsl.PipelineTask,
        stage: str,
        *,
        storage_secret: str,
        settings_map: str,
        tracking_secret: str = "",
        labelling_secret: str = "",
        notification_secret: str = "",
    ) -> None:
        placement = profile.stages[stage]
        task.set_display_name(stage)
        task.set_container_image(image + (CUDA_SUFFIX if placement.accelerator else ""))
        _ask_for_resources(task, placement)
        _choose_nodes(task, placement)
        _keep_time(task, placement)
        _retry(task, placement)
        kubernetes.set_security_context(task, run_as_non_root=True)
        kubernetes.use_config_map_as_env(task, settings_map, _own_names(SETTINGS_KEYS), optional=True)
        if STAGES[stage].tells_mlflow:
            kubernetes.use_field_path_as_env(task, *RUN_ID)
        named: dict[Secret, str] = {
            "storage": storage_secret,
            "tracking": tracking_secret,
            "labelling": labelling_secret,
            "notification": notification_secret,
        }
        for secret in STAGES[stage].secrets:
            _give_credentials(task, named[secret], KEYS[secret])

    return place


KEYS: dict[Secret, tuple[str, ...]] = {
    "storage": STORAGE_KEYS,
    "tracking": TRACKING_KEYS,
    "labelling": LABELLING_KEYS,
    "notification": NOTIFICATION_KEYS,
}


def _give_credentials(task: dsl.PipelineTask, secret: str, keys: tuple[str, ...]) -> None:
    """Keys of a secret as environment variables, where the secret has them."""
    kubernetes.use_secret_as_env(task, secret, _own_names(keys), optional=True)


def _own_names(keys: tuple[str, ...]) -> dict[str, str]:
    """Each key, and the variable that it becomes: none that KFP's launcher or its MLflow plug-in take for theirs."""
    return {key: own_name(key) for key in keys}


def _ask_for_resources(task: dsl.PipelineTask, placement: Placement) -> None:
    task.set_cpu_request(placement.cpu).set_cpu_limit(placement.cpu_limit)
    task.set_memory_request(placement.memory).set_memory_limit(placement.memory_limit)
    if placement.accelerator is not None:
        task.set_accelerator_type(placement.accelerator.resource).set_accelerator_limit(placement.accelerator.count)
    if placement.shared_memory is not None:
        kubernetes.empty_dir_mount(
            task, "shared-memory", "/dev/shm", medium="Memory", size_limit=placement.shared_memory
        )


def _choose_nodes(task: dsl.PipelineTask, placement: Placement) -> None:
    for label, value in placement.node_selector.items():
        kubernetes.add_node_selector(task, label, value)
    for toleration in placement.tolerations:
        kubernetes.add_toleration(
            task, toleration.key, toleration.operator, toleration.value or None, toleration.effect
        )


def _keep_time(task: dsl.PipelineTask, placement: Placement) -> None:
    """The stage ends itself at its own time; the pod's end is for what never began, because its image is not there."""
    task.set_env_variable(STAGE_SECONDS, str(placement.timeout_seconds))
    kubernetes.set_timeout(task, placement.pod_seconds)


def _retry(task: dsl.PipelineTask, placement: Placement) -> None:
    """Try again within the process what may pass, and in another pod where the pod was lost.

    Kubeflow Pipelines 2.17 repeats the second alone.
    """
    if placement.retries:
        task.set_env_variable(RETRIES, str(placement.retries))
        task.set_env_variable(BACKOFF_SECONDS, str(placement.backoff_seconds))
        task.set_retry(
            placement.retries,
            backoff_duration=f"{placement.backoff_seconds}s",
            backoff_factor=BACKOFF_FACTOR,
            backoff_max_duration=f"{_all_tries_seconds(placement)}s",
        )


def _all_tries_seconds(placement: Placement) -> int:
    """What all tries and the waits between them may take, seconds.

    Argo counts from the start of the first try, and ends a pod that is at work then; kfp's own value is an hour.
    """
    waits = sum(placement.backoff_seconds * BACKOFF_FACTOR**number for number in range(placement.retries))
    return (placement.retries + 1) * placement.pod_seconds + int(waits)
