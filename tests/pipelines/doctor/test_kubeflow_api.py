"""On Kubeflow Pipelines the API and the namespace of the runs are looked at; access to Kubernetes is not needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.doctor.conftest import Doctor
from tests.pipelines.doctor.installed import IMAGE, controller, with_argo
from tests.pipelines.doctor.kubernetes_server import Cluster, serving_cluster
from tests.pipelines.kubeflow.api_server import Fault, PipelinesApi, serving

KFP = ("--engine", "kfp", "--image", IMAGE)
TEAM = "team-a"


@pytest.fixture
def api(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelinesApi]:
    """Kubeflow Pipelines with several users, which the environment names."""
    with serving() as server:
        server.several_users = True
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.url)
        yield server


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose namespace of a profile has what the instructions put there."""
    installed = with_argo()
    moved = {
        path.replace("/namespaces/labelcycle/", f"/namespaces/{TEAM}/"): content
        for path, content in installed.objects.items()
        if "argoproj.io/v1alpha1/namespaces" not in path
    }
    services = {path: content for path, content in installed.objects.items() if "mlflow" in path}
    account = f"/api/v1/namespaces/{TEAM}/serviceaccounts/default-editor"
    controllers = "/apis/apps/v1/namespaces/kubeflow/deployments/workflow-controller"
    extra = {
        f"/api/v1/namespaces/{TEAM}": {"metadata": {"name": TEAM, "labels": {}}},
        account: {"metadata": {"name": "default-editor"}},
        controllers: controller("kubeflow", "quay.io/argoproj/workflow-controller:v4.0.5"),
    }
    cluster = Cluster({**moved, **services, **extra})
    for path in [each for each in cluster.objects if "namespaces/argo/" in each]:
        del cluster.objects[path]
    with serving_cluster(cluster) as served:
        monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig(tmp_path)))
        yield served


def test_a_profile_with_everything(doctor: Doctor, api: PipelinesApi, team: Cluster) -> None:
    report = doctor(*KFP, "--namespace", TEAM)
    assert report.code == 0
    assert report.trouble().keys() == {"store: root", "cluster: pod security"}
    assert {"kubeflow: api", "kubeflow: version", "kubeflow: runs", "kubeflow: experiment"} <= report.statuses.keys()
    assert "labelcycle is made by the first run" in report.out
    assert {
        "rights: to submit",
        "pods: service account",
        "pods: storage secret",
        "argo: controller",
    } <= report.statuses.keys()


def test_nothing_is_created(doctor: Doctor, api: PipelinesApi, team: Cluster) -> None:
    doctor(*KFP, "--namespace", TEAM)
    assert [request for request in api.requests if request[0] != "GET"] == []


def test_one_user(doctor: Doctor, api: PipelinesApi) -> None:
    api.several_users = False
    report = doctor(*KFP)
    assert report.code == 0
    assert report.trouble().keys() == {"store: root", "cluster: access"}
    assert report.statuses["kubeflow: api"] == "pass"


def test_several_users_and_no_namespace(doctor: Doctor, api: PipelinesApi) -> None:
    report = doctor(*KFP)
    assert report.code == 1
    assert "--namespace" in report.trouble()["kubeflow: api"]


def test_a_namespace_of_others(doctor: Doctor, api: PipelinesApi) -> None:
    report = doctor(*KFP, "--namespace", "team-b")
    assert report.code == 1
    assert "LABELCYCLE_KFP_TOKEN" in report.trouble()["kubeflow: runs"]


def test_a_log_in_that_is_missing(doctor: Doctor, api: PipelinesApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.token = "token-of-kubeflow-31bb"
    report = doctor(*KFP, "--namespace", TEAM)
    assert report.code == 1 and "log-in" in report.trouble()["kubeflow: api"]
    monkeypatch.setenv("LABELCYCLE_KFP_TOKEN", api.token)
    told = doctor(*KFP, "--namespace", TEAM)
    assert told.code == 0 and api.token not in told.out + told.err


def test_an_api_that_fails_may_come_back(doctor: Doctor, api: PipelinesApi) -> None:
    api.faults.append(Fault("503", times=9))
    report = doctor(*KFP, "--namespace", TEAM)
    assert report.code == 2
    assert "503" in report.trouble()["kubeflow: api"]
    assert len(api.requests) == 1, "no request is repeated"


def test_an_account_that_is_missing(doctor: Doctor, api: PipelinesApi, team: Cluster) -> None:
    assert doctor(*KFP, "--namespace", TEAM, "--service-account", "ours").code == 1
    del team.objects[f"/api/v1/namespaces/{TEAM}/serviceaccounts/default-editor"]
    assert "default-editor" in doctor(*KFP, "--namespace", TEAM).trouble()["pods: service account"]


def test_rights_that_are_missing_warn(doctor: Doctor, api: PipelinesApi, team: Cluster) -> None:
    team.denied.add("create runs")
    report = doctor(*KFP, "--namespace", TEAM)
    assert report.code == 0 and "create runs" in report.trouble()["rights: to submit"]
