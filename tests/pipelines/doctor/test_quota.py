"""Quotas and limit ranges of the namespace."""

from typing import Any

import pytest

from tests.pipelines.doctor.conftest import Doctor
from tests.pipelines.doctor.installed import NAMESPACE
from tests.pipelines.doctor.kubernetes_server import Cluster

HERE = f"/api/v1/namespaces/{NAMESPACE}"
ARGO = ("--engine", "argo")


def quota(hard: dict[str, str], used: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "team"}, "spec": {"hard": hard}, "status": {"used": used}}


def limits(**given: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "container-defaults"},
        "spec": {"limits": [{"type": "Pod"}, {"type": "Container", **given}]},
    }


DEFAULTS = {"defaultRequest": {"cpu": "50m", "memory": "64Mi"}, "default": {"cpu": "500m", "memory": "512Mi"}}


@pytest.mark.parametrize(
    ("hard", "used", "status", "words"),
    [
        ({"pods": "10", "memory": "32Gi", "limits.cpu": "8"}, {"memory": "4Gi"}, "pass", ""),
        ({"requests.memory": "3Gi"}, {}, "fail", "3Gi of requests.memory, and train_adapter wants 4Gi"),
        ({"memory": "3Gi"}, {}, "fail", "requests.memory"),
        ({"limits.cpu": "2"}, {}, "fail", "limits.cpu"),
        ({"pods": "3"}, {"pods": "3"}, "warn", "0 of pods left"),
        ({"requests.cpu": "4"}, {"requests.cpu": "3500m"}, "warn", "0.5 of requests.cpu left"),
        ({"services": "1"}, {"services": "1"}, "pass", ""),
    ],
)
def test_quotas(
    doctor: Doctor, cluster: Cluster, hard: dict[str, str], used: dict[str, str], status: str, words: str
) -> None:
    cluster.objects[f"{HERE}/resourcequotas/team"] = quota(hard, used)
    cluster.objects[f"{HERE}/limitranges/container-defaults"] = limits(**DEFAULTS)
    report = doctor(*ARGO)
    assert report.statuses["pods: quota"] == status
    assert words in report.trouble().get("pods: quota", "")
    assert report.code == (1 if status == "fail" else 0)


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (DEFAULTS, "pass", ""),
        ({"max": {"memory": "4Gi"}}, "fail", "train_adapter has a limit of 8Gi of memory, and 4Gi is the most"),
        ({"min": {"cpu": "1"}}, "fail", "label_ingest asks for 500m of cpu"),
        ({"max": {"cpu": "4", "memory": "8Gi"}}, "pass", ""),
    ],
)
def test_limit_ranges(doctor: Doctor, cluster: Cluster, given: dict[str, Any], status: str, words: str) -> None:
    cluster.objects[f"{HERE}/limitranges/container-defaults"] = limits(**given)
    report = doctor(*ARGO)
    assert report.statuses["pods: limits"] == status
    assert words in report.trouble().get("pods: limits", "")


def test_a_quota_asks_the_containers_of_argo_too(doctor: Doctor, cluster: Cluster) -> None:
    cluster.objects[f"{HERE}/resourcequotas/team"] = quota({"limits.memory": "64Gi"}, {})
    del cluster.objects[f"{HERE}/limitranges/container-defaults"]
    report = doctor(*ARGO)
    assert report.code == 1 and "container-defaults.yaml" in report.trouble()["pods: limits"]
    cluster.objects[f"{HERE}/limitranges/container-defaults"] = limits(**DEFAULTS)
    assert doctor(*ARGO).statuses["pods: limits"] == "pass"
