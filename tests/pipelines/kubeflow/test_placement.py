"""What a profile says reaches the task: resources, nodes, retries, time, and credentials by name."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, dsl

from labelcycle.pipelines.cluster import LABELLING_KEYS, NOTIFICATION_KEYS, SETTINGS_KEYS, STORAGE_KEYS, TRACKING_KEYS
from labelcycle.pipelines.kubeflow.placement import place_by
from labelcycle.pipelines.profiles.profile import STAGES, Profile

EVERY = {"cpu": "500m", "memory": "1Gi", "cpu_limit": "2", "memory_limit": "2Gi", "retries": 0, "timeout_seconds": 90}


@dsl.component(base_image="python", install_kfp_package=False)
def work() -> str:
    """A task to place."""
    return "done"


def placed(folder: Path, stage: str = "embed", **changes: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The task of `stage` as compiled: container, settings for Kubernetes, and the task itself."""
    profile = Profile.model_validate({"name": "test", "summary": "", "every": EVERY, "stages": {stage: changes}})

    @dsl.pipeline(name="placed")
    def pipeline(
        storage: str = "one",
        tracking: str = "two",
        labelling: str = "three",
        settings: str = "four",
        notification: str = "five",
    ) -> None:
        place = place_by(profile, "registry.example/labelcycle-python:7")
        place(
            work(),
            stage,
            settings_map=settings,
            storage_secret=storage,
            tracking_secret=tracking,
            labelling_secret=labelling,
            notification_secret=notification,
        )

    path = folder / "placed.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    spec, platform = yaml.safe_load_all(path.read_text())
    kubernetes = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-work"]
    return (
        spec["deploymentSpec"]["executors"]["exec-work"]["container"],
        kubernetes,
        spec["root"]["dag"]["tasks"]["work"],
    )


def test_resources_and_time(tmp_path: Path) -> None:
    container, kubernetes, task = placed(tmp_path)
    resources = container["resources"]
    assert (resources["resourceCpuRequest"], resources["resourceCpuLimit"]) == ("500m", "2")
    assert (resources["resourceMemoryRequest"], resources["resourceMemoryLimit"]) == ("1Gi", "2Gi")
    assert kubernetes["activeDeadlineSeconds"] == "990", "the stage's time, and 15 minutes to pull its image"
    assert container["env"] == [{"name": "LABELCYCLE_STAGE_SECONDS", "value": "90"}]
    assert container["image"] == "registry.example/labelcycle-python:7"
    assert "retryPolicy" not in task and "accelerator" not in resources
    assert not {"emptyDirMounts", "nodeSelector", "tolerations"} & kubernetes.keys()


def test_a_stage_with_an_accelerator_runs_in_the_image_for_it(tmp_path: Path) -> None:
    container, _, _ = placed(tmp_path, accelerator={"resource": "amd.com/gpu", "count": 2})
    accelerator = container["resources"]["accelerator"]
    assert (accelerator["resourceType"], accelerator["resourceCount"]) == ("amd.com/gpu", "2")
    assert container["image"] == "registry.example/labelcycle-python:7-cuda"


def test_shared_memory_is_memory_and_bounded(tmp_path: Path) -> None:
    _, kubernetes, _ = placed(tmp_path, shared_memory="2Gi")
    (mount,) = kubernetes["emptyDirMounts"]
    assert (mount["mountPath"], mount["medium"], mount["sizeLimit"]) == ("/dev/shm", "Memory", "2Gi")


def test_nodes(tmp_path: Path) -> None:
    tolerations = [{"key": "gpu", "effect": "NoSchedule"}, {"key": "team", "operator": "Equal", "value": "vision"}]
    _, kubernetes, _ = placed(tmp_path, node_selector={"zone": "a"}, tolerations=tolerations)
    assert kubernetes["nodeSelector"]["labels"] == {"zone": "a"}
    assert kubernetes["tolerations"] == [
        {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "team", "operator": "Equal", "value": "vision"},
    ]


def test_retries_wait_longer_each_time(tmp_path: Path) -> None:
    container, _, task = placed(tmp_path, retries=3, backoff_seconds=20)
    policy = task["retryPolicy"]
    within = {variable["name"]: variable["value"] for variable in container["env"]}
    assert within.items() >= {"LABELCYCLE_STAGE_RETRIES": "3", "LABELCYCLE_STAGE_BACKOFF_SECONDS": "20"}.items()
    assert (policy["maxRetryCount"], policy["backoffDuration"], policy["backoffFactor"]) == (3, "20s", 2.0)
    assert policy["backoffMaxDuration"] == f"{4 * (90 + 900) + 20 + 40 + 80}s", "else the last try is ended on its way"


@pytest.mark.parametrize("stage", STAGES)
def test_credentials_are_references_and_go_where_they_are_needed(tmp_path: Path, stage: str) -> None:
    _, kubernetes, _ = placed(tmp_path, stage)
    variables = {
        "storage": ["LABELCYCLE_STORAGE_AWS_ACCESS_KEY_ID", "LABELCYCLE_STORAGE_AWS_SECRET_ACCESS_KEY"],
        "tracking": ["LABELCYCLE_MLFLOW_TRACKING_USERNAME", "LABELCYCLE_MLFLOW_TRACKING_PASSWORD"],
        "labelling": ["LABEL_STUDIO_TOKEN"],
        "notification": list(NOTIFICATION_KEYS),
    }
    keys = {"storage": STORAGE_KEYS, "tracking": TRACKING_KEYS, "labelling": LABELLING_KEYS}
    keys["notification"] = NOTIFICATION_KEYS
    expected = ["storage"]
    expected += ["tracking"] if stage in ("publish", "backtest_report") else []
    expected += ["labelling"] if stage in ("label_ingest", "publish") else []
    expected += ["notification"] if stage in ("label_ingest", "publish", "notify") else []
    secrets = {
        given["secretNameParameter"]["componentInputParameter"]: given["keyToEnv"]
        for given in kubernetes["secretAsEnv"]
    }
    assert {name: [pair["envVar"] for pair in pairs] for name, pairs in secrets.items()} == {
        name: variables[name] for name in expected
    }
    assert all([pair["secretKey"] for pair in pairs] == list(keys[name]) for name, pairs in secrets.items())
    assert all(given["optional"] for given in kubernetes["secretAsEnv"])
    (settings,) = kubernetes["configMapAsEnv"]
    assert settings["configMapNameParameter"] == {"componentInputParameter": "settings"}
    assert [pair["configMapKey"] for pair in settings["keyToEnv"]] == list(SETTINGS_KEYS)
    assert [pair["envVar"] for pair in settings["keyToEnv"]] == [
        "LABELCYCLE_STORAGE_AWS_ENDPOINT_URL",
        "LABELCYCLE_STORAGE_AWS_DEFAULT_REGION",
        "LABELCYCLE_MLFLOW_TRACKING_URI",
        "LABELCYCLE_IMAGE_SOURCES",
        "LABELCYCLE_LOG",
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_no_variable_is_one_that_the_platform_sets_or_reads(tmp_path: Path, stage: str) -> None:
    """KFP's launcher uploads by `AWS_…` of the container; its MLflow plug-in sets `MLFLOW_…` as values."""
    container, kubernetes, _ = placed(tmp_path, stage)
    references = [*kubernetes["secretAsEnv"], *kubernetes["configMapAsEnv"]]
    names = [pair["envVar"] for given in references for pair in given["keyToEnv"]]
    names += [given["name"] for given in [*container["env"], *kubernetes.get("fieldPathAsEnv", [])]]
    assert not [name for name in names if name.startswith(("AWS_", "MLFLOW_"))]


@pytest.mark.parametrize("stage", STAGES)
def test_stages_hold_to_the_standard_restricted_and_know_their_run(tmp_path: Path, stage: str) -> None:
    _, kubernetes, _ = placed(tmp_path, stage)
    assert kubernetes["securityContext"] == {"runAsNonRoot": True}
    run = [{"name": "KFP_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}]
    assert kubernetes.get("fieldPathAsEnv", []) == (run if stage in ("publish", "backtest_report") else [])
