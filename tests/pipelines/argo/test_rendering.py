"""What `labelcycle argo` writes, and for what."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.argo.rendering import Rendering
from labelcycle.pipelines.cluster import LABELLING_KEYS, NOTIFICATION_KEYS, STORAGE_KEYS, TRACKING_KEYS
from labelcycle.pipelines.profiles.profile import STAGES, read_profile
from tests.manifests.rules.containers import restricted, root_read_only
from tests.pipelines.argo.conftest import IMAGE, Manifests, render
from tests.pipelines.argo.pod_spec import pod_spec

MANIFESTS = Path(__file__).parents[3] / "manifests"
FOLDERS = ("workflows", "workflows-on-labels")


def content(folder: Path) -> dict[str, str]:
    """Every file of the two folders, by path."""
    files = [file for name in FOLDERS for file in sorted((folder / name).rglob("*")) if file.is_file()]
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def containers(manifests: Manifests) -> dict[str, dict[str, Any]]:
    """The templates of stages, by the stage's name."""
    files = ("workflows/cycle.yaml", "workflows/predict.yaml")
    templates = [each for file in files for each in manifests[file]["spec"]["templates"]]
    return {each["container"]["command"][2]: each for each in templates if "container" in each}


def test_the_manifests_of_the_repository_are_those_that_are_rendered_now(
    labelcycle: Callable[..., Any], tmp_path: Path
) -> None:
    """Where they differ run `labelcycle argo --output manifests`."""
    answer = labelcycle("argo", "--output", tmp_path, LABELCYCLE_IMAGE=IMAGE)
    assert answer.returncode == 0, answer.stderr
    assert content(tmp_path) == content(MANIFESTS)
    assert sorted(answer.stdout.split()) == sorted(str(tmp_path / name) for name in content(MANIFESTS))


def test_options_reach_the_manifests(labelcycle: Callable[..., Any], tmp_path: Path) -> None:
    options = ["--profile", "gpu", "--image", "registry.example.org/labelcycle-python:2", "--root", "s3://own/campaign"]
    answer = labelcycle(
        "argo", "--output", tmp_path, *options, "--cron", "30 6 * * 1-5", "--active", "--namespace", "al"
    )
    assert answer.returncode == 0, answer.stderr
    written = {name: yaml.safe_load(text) for name, text in content(tmp_path).items() if "access" not in name}
    images = {stage: template["container"]["image"] for stage, template in containers(written).items()}
    on_gpus = {images.pop(stage) for stage in ("embed", "train_adapter", "prediction_parts")}
    assert on_gpus == {"registry.example.org/labelcycle-python:2-cuda"}
    assert set(images.values()) == {"registry.example.org/labelcycle-python:2"}
    schedule = written["workflows/schedule.yaml"]["spec"]
    assert (schedule["schedules"], schedule["suspend"]) == (["30 6 * * 1-5"], False)
    assert schedule["concurrencyPolicy"] == "Forbid"
    assert written["workflows/retention.yaml"]["spec"]["suspend"], "whoever wants objects deleted says so"
    assert all(text.count("s3://own/campaign") == 1 for name, text in content(tmp_path).items() if is_started(name))
    assert all(written[f"{folder}/kustomization.yaml"]["namespace"] == "al" for folder in FOLDERS)


def is_started(name: str) -> bool:
    return Path(name).stem in ("cycle", "campaign", "schedule", "retention", "sensor", "predict")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"root": "campaigns/digits"}, "is no S3 prefix. Pods share no folder"),
        ({"root": "s3://bucket/{{workflow.name}}"}, "is no S3 prefix"),
        ({"cron": "0 0 * * * *"}, "has 6 fields. Argo takes five"),
        ({"namespace": "Label_Cycle"}, "not a name that Kubernetes takes"),
        ({"profile": "gpu", "image": "labelcycle-python@sha256:0"}, "is named by digest. Name it by tag"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        render(**settings)


def test_nothing_is_written_where_something_is_refused(labelcycle: Callable[..., Any], tmp_path: Path) -> None:
    answer = labelcycle("argo", "--output", tmp_path / "out", "--root", "campaigns/digits")
    assert answer.returncode == 1 and "name one as in --root s3://" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_an_image_may_be_named_by_digest_where_no_stage_needs_another() -> None:
    digest = "labelcycle-python@sha256:0"
    assert {each["container"]["image"] for each in containers(render(image=digest)).values()} == {digest}
    with pytest.raises(ConfigurationError, match="by tag"):
        Rendering(read_profile("a100"), digest)


@pytest.mark.parametrize("name", ["small", "gpu", "a100"])
def test_pods_ask_for_what_the_profile_says(name: str) -> None:
    profile = read_profile(name)
    found = containers(render(name))
    assert found.keys() == {stage for stage in STAGES if not stage.startswith("backtest")}
    for stage, template in found.items():
        placement = profile.stages[stage]  # type: ignore[index]
        gpus = {placement.accelerator.resource: str(placement.accelerator.count)} if placement.accelerator else {}
        asked = template["container"]["resources"]
        assert asked["requests"] == {"cpu": placement.cpu, "memory": placement.memory} | gpus
        assert asked["limits"] == {"cpu": placement.cpu_limit, "memory": placement.memory_limit} | gpus
        assert template["activeDeadlineSeconds"] == placement.timeout_seconds + placement.pull_seconds
        variables = {each["name"]: each.get("value") for each in template["container"]["env"]}
        assert variables["LABELCYCLE_STAGE_SECONDS"] == str(placement.timeout_seconds)
        retry = template["retryStrategy"]
        assert (retry["limit"], retry["backoff"]["duration"]) == (
            str(placement.retries),
            f"{placement.backoff_seconds}s",
        )
        assert template.get("nodeSelector", {}) == placement.node_selector
        taints = [(given.key, given.operator, given.effect) for given in placement.tolerations]
        tolerated = template.get("tolerations", [])
        assert [(each["key"], each["operator"], each.get("effect")) for each in tolerated] == taints
        memory = [volume["emptyDir"] for volume in template["volumes"] if volume["name"] == "shared-memory"]
        assert memory == (
            [{"medium": "Memory", "sizeLimit": placement.shared_memory}] if placement.shared_memory else []
        )
    parallel = {
        each["name"]: each["parallelism"]
        for file in ("cycle", "predict")
        for each in render(name)[f"workflows/{file}.yaml"]["spec"]["templates"]
        if "parallelism" in each
    }
    sharded = ("embed-in-shards", "score-in-shards", "prediction-parts-in-shards")
    assert parallel == dict.fromkeys(sharded, profile.shards_at_once)


def test_pods_hold_to_the_standard_restricted(manifests: Manifests) -> None:
    for template in containers(manifests).values():
        assert template["container"]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        }
        assert template["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert [(mount["mountPath"], mount["name"]) for mount in template["container"]["volumeMounts"]] == [
            ("/tmp", "scratch")
        ]


def test_whole_pods_hold_to_it_whichever_workflow_makes_them(manifests: Manifests) -> None:
    """With the containers that Argo adds. Schedules and calls start workflows of these templates, by their settings."""
    templates = [manifest for manifest in manifests.values() if manifest["kind"] == "WorkflowTemplate"]
    assert restricted(templates) == root_read_only(templates) == []
    for template in templates:
        bare = [{**each, "spec": {**each["spec"]}} for each in templates]
        del next(each for each in bare if each["metadata"] == template["metadata"])["spec"]["podSpecPatch"]
        stages = 3 if template["metadata"]["name"] == "labelcycle-predict" else 8
        assert len(restricted(bare)) == 4 * stages, "privileges and capabilities of two containers, and nothing else"


def test_whole_pods_are_what_kubernetes_takes(manifests: Manifests) -> None:
    workflow = manifests["workflows/cycle.yaml"]["spec"]
    for template in containers(manifests).values():
        spec = pod_spec(workflow, template)
        kubernetes_validate.validate(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stage"}, "spec": spec}, "1.33", strict=True
        )
        assert [each["name"] for each in spec["initContainers"]] == ["init"]
        assert [each["name"] for each in spec["containers"]] == ["main", "wait"]
        added = (spec["initContainers"][0], spec["containers"][1])
        assert [each["securityContext"]["runAsUser"] for each in added] == [8737, 8737], "the image names no user"


def test_credentials_come_from_the_secrets_that_a_submission_names(manifests: Manifests) -> None:
    for stage, template in containers(manifests).items():
        variables = {each["name"]: each["valueFrom"] for each in template["container"]["env"] if "valueFrom" in each}
        secrets = {name: source["secretKeyRef"] for name, source in variables.items() if "secretKeyRef" in source}
        assert all(secret["key"] == name and secret["optional"] for name, secret in secrets.items())
        expected = dict.fromkeys(STORAGE_KEYS, "{{workflow.parameters.storage_secret}}")
        if stage == "publish":
            expected |= dict.fromkeys(TRACKING_KEYS, "{{workflow.parameters.tracking_secret}}")
        if stage in ("label_ingest", "publish"):
            expected |= dict.fromkeys(LABELLING_KEYS, "{{workflow.parameters.labelling_secret}}")
        if stage in ("label_ingest", "publish", "notify"):
            expected |= dict.fromkeys(NOTIFICATION_KEYS, "{{workflow.parameters.notification_secret}}")
        assert {name: secret["name"] for name, secret in secrets.items()} == expected


def test_pruning_has_a_secret_of_its_own_and_no_other(manifests: Manifests) -> None:
    spec = manifests["workflows/retention.yaml"]["spec"]["workflowSpec"]
    [template] = spec["templates"]
    given = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
    secrets = {
        each["valueFrom"]["secretKeyRef"]["name"]
        for each in template["container"]["env"]
        if "secretKeyRef" in each.get("valueFrom", {})
    }
    assert secrets == {"{{workflow.parameters.storage_secret}}"} and given["storage_secret"] == "labelcycle-pruning"
    arguments = [*template["container"]["command"][1:], *template["container"]["args"]]
    for name, value in given.items():
        arguments = [text.replace(f"{{{{workflow.parameters.{name}}}}}", value) for text in arguments]
    assert arguments == [
        "prune",
        "s3://labelcycle/campaign",
        "--yes",
        "--json",
        "--keep-spaces",
        "1",
        "--older-than",
        "24",
    ]
