"""What a profile says reaches the task: resources, nodes, retries, time, and credentials by name."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, dsl

from labelcycle.pipelines.cluster import LABELLING_KEYS, SETTINGS_KEYS, STORAGE_KEYS, TRACKING_KEYS
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
    def pipeline(storage: str = "one", tracking: str = "two", labelling: str = "three", settings: str = "four") -> None:
        place = place_by(profile, "registry.example/labelcycle-python:7")
        secrets = {"storage_secret": storage, "tracking_secret": tracking, "labelling_secret": labelling}
        place(work(), stage, settings_map=settings, **secrets)

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
    assert kubernetes["activeDeadlineSeconds"] == "90"
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
    _, _, task = placed(tmp_path, retries=3, backoff_seconds=20)
    policy = task["retryPolicy"]
    assert (policy["maxRetryCount"], policy["backoffDuration"], policy["backoffFactor"]) == (3, "20s", 2.0)


@pytest.mark.parametrize("stage", STAGES)
def test_credentials_are_references_and_go_where_they_are_needed(tmp_path: Path, stage: str) -> None:
    _, kubernetes, _ = placed(tmp_path, stage)
    secrets = {
        given["secretNameParameter"]["componentInputParameter"]: [pair["envVar"] for pair in given["keyToEnv"]]
        for given in kubernetes["secretAsEnv"]
    }
    tracking = {"tracking": list(TRACKING_KEYS)} if stage in ("publish", "backtest_report") else {}
    labelling = {"labelling": list(LABELLING_KEYS)} if stage in ("label_ingest", "publish") else {}
    assert secrets == {"storage": list(STORAGE_KEYS)} | tracking | labelling
    assert all(given["optional"] for given in kubernetes["secretAsEnv"])
    (settings,) = kubernetes["configMapAsEnv"]
    assert settings["configMapNameParameter"] == {"componentInputParameter": "settings"}
    assert [pair["envVar"] for pair in settings["keyToEnv"]] == list(SETTINGS_KEYS)
