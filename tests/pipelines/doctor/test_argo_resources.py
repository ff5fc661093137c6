"""The documented installation on Argo passes; each thing that is broken in it is found, named, and has its remedy."""

import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.doctor.conftest import Doctor
from tests.pipelines.doctor.installed import (
    CONTROLLER,
    LEASE,
    NAMESPACE,
    PLACES,
    SECRET_VALUE,
    SETTINGS,
    TEMPLATE,
    controller,
    lease,
    node,
    secret,
    with_argo,
)
from tests.pipelines.doctor.kubernetes_server import TOKEN, Cluster, serving_cluster

ARGO = ("--engine", "argo")
HERE = f"/api/v1/namespaces/{NAMESPACE}"


def test_the_documented_installation_passes(doctor: Doctor, cluster: Cluster) -> None:
    report = doctor(*ARGO)
    assert report.code == 0
    assert report.trouble().keys() == {"store: root"}
    assert list(report.statuses) == [
        "store: root",
        "cluster: access",
        "cluster: version",
        "cluster: namespace",
        "cluster: pod security",
        "rights: to submit",
        "rights: to watch",
        "rights: to steer",
        "pods: service account",
        "pods: its rights",
        "pods: storage secret",
        "pods: tracking secret",
        "pods: labelling secret",
        "pods: notification secret",
        "pods: settings",
        "pods: mlflow service",
        "pods: quota",
        "pods: limits",
        "pods: image",
        "nodes: nodes",
        "nodes: room",
        "argo: kinds",
        "argo: controller",
        "argo: workflow templates",
        "argo: schedule",
    ]


def test_nothing_is_asked_but_reading_and_reviews(doctor: Doctor, cluster: Cluster) -> None:
    doctor(*ARGO)
    posts = {request for request in cluster.requests if not request.startswith("GET ")}
    assert posts and all(request.startswith("POST ") and request.endswith("reviews") for request in posts)


def test_no_secret_is_told(doctor: Doctor, cluster: Cluster) -> None:
    for report in (doctor(*ARGO), doctor(*ARGO, as_json=False)):
        for hidden in (
            SECRET_VALUE,
            cluster.objects[f"{HERE}/secrets/labelcycle-storage"]["data"]["AWS_ACCESS_KEY_ID"],
        ):
            assert hidden not in report.out + report.err
        assert TOKEN not in report.out + report.err


Damage = Callable[[Cluster], object]


def gone(*paths: str) -> Damage:
    """Take objects out."""
    return lambda cluster: [cluster.objects.pop(path) for path in paths]


def put(path: str, content: object) -> Damage:
    """Put an object in."""
    return lambda cluster: cluster.objects.update({path: content})


def inside(path: str, *keys: str | int, value: object) -> Damage:
    """Change a value within an object."""

    def change(cluster: Cluster) -> None:
        place = cluster.objects[path]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


def only_node(name: str = "one", taints: object = None, **allocatable: str) -> Damage:
    """Leave one node."""

    def change(cluster: Cluster) -> None:
        for other in ("one", "two", "three"):
            del cluster.objects[f"/api/v1/nodes/{other}"]
        cluster.objects[f"/api/v1/nodes/{name}"] = node(name, **allocatable) | {"spec": {"taints": taints or []}}

    return change


def denied(*words: str) -> Damage:
    """Take rights from the user."""
    return lambda cluster: cluster.denied.update(words)


def forbidden(*paths: str) -> Damage:
    """Let the user not read these."""
    return lambda cluster: cluster.forbidden.update(paths)


LONG_AGO = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
OLD_CONTROLLER = controller("argo", "quay.io/argoproj/workflow-controller:v3.4.4")
OTHER_CONTROLLER = controller("argo", "quay.io/argoproj/workflow-controller:v4.0.5", "--namespaced")
SECOND = CONTROLLER.replace("/argo/", "/kubeflow/")
PULLS = {"metadata": {"name": "labelcycle-stage"}, "imagePullSecrets": [{"name": "our-registry"}]}
TAINT = [{"key": "team", "value": "vision", "effect": "NoSchedule"}]

BROKEN: dict[str, tuple[Damage, int, str, str]] = {
    "old Kubernetes": (
        inside("/version", "gitVersion", value="v1.29.3"),
        0,
        "cluster: version",
        "warn: .*1.29.3.*1.33",
    ),
    "no namespace": (gone(HERE), 1, "cluster: namespace", "fail: .*kubectl apply -f .*namespace.yaml"),
    "namespace going": (
        inside(HERE, "status", value={"phase": "Terminating"}),
        2,
        "cluster: namespace",
        "fail: .*deleted",
    ),
    "no standard": (inside(HERE, "metadata", "labels", value={}), 0, "cluster: pod security", "warn: .*=restricted"),
    "may not submit": (denied("create workflows"), 1, "rights: to submit", "fail: .*create workflows.*Role"),
    "may not read logs": (denied("get pods/log"), 0, "rights: to watch", "warn: .*get pods/log"),
    "may not resume": (denied("update workflows"), 0, "rights: to steer", "warn: .*update workflows"),
    "no account": (
        gone(f"{HERE}/serviceaccounts/labelcycle-stage"),
        1,
        "pods: service account",
        "fail: .*overlays/argo",
    ),
    "account without rights": (
        lambda cluster: cluster.denied_to_stages.add("patch workflowtaskresults"),
        1,
        "pods: its rights",
        "fail: .*patch workflowtaskresults.*stage-account.yaml",
    ),
    "reviews forbidden": (
        forbidden(f"/apis/authorization.k8s.io/v1/namespaces/{NAMESPACE}/localsubjectaccessreviews"),
        0,
        "pods: its rights",
        "warn: could not be found out: .*403.*Ask",
    ),
    "no pull secret": (
        put(f"{HERE}/serviceaccounts/labelcycle-stage", PULLS),
        1,
        "pods: pull secret",
        "fail: .*our-registry.*docker-registry",
    ),
    "no storage secret": (
        gone(f"{HERE}/secrets/labelcycle-storage"),
        0,
        "pods: storage secret",
        "warn: .*kubectl create",
    ),
    "half a key pair": (
        put(f"{HERE}/secrets/labelcycle-storage", secret("labelcycle-storage", "AWS_ACCESS_KEY_ID")),
        1,
        "pods: storage secret",
        "fail: .*no AWS_SECRET_ACCESS_KEY",
    ),
    "an empty key": (
        inside(f"{HERE}/secrets/labelcycle-storage", "data", "AWS_SECRET_ACCESS_KEY", value=""),
        1,
        "pods: storage secret",
        "fail: .*an empty AWS_SECRET_ACCESS_KEY",
    ),
    "secrets forbidden": (
        forbidden(f"{HERE}/secrets"),
        0,
        "pods: storage secret",
        "warn: could not be found out: .*Ask",
    ),
    "no tracking secret": (gone(f"{HERE}/secrets/labelcycle-tracking"), 0, "pods: tracking secret", "warn: .*kubectl"),
    "no settings": (gone(SETTINGS), 0, "pods: settings", "warn: .*settings.yaml"),
    "endpoint without scheme": (
        inside(SETTINGS, "data", "AWS_ENDPOINT_URL", value="seaweedfs:8333"),
        1,
        "pods: settings",
        "fail: AWS_ENDPOINT_URL .*'seaweedfs:8333'.*http://",
    ),
    "unknown kind of log": (
        inside(SETTINGS, "data", "LABELCYCLE_LOG", value="xml"),
        1,
        "pods: settings",
        "fail: .*json or text",
    ),
    "no MLflow named": (
        inside(SETTINGS, "data", "MLFLOW_TRACKING_URI", value=""),
        0,
        "pods: mlflow service",
        "warn: .*Set",
    ),
    "no MLflow": (gone(f"{HERE}/services/mlflow"), 0, "pods: mlflow service", "warn: there is no service mlflow"),
    "MLflow without pods": (
        gone(f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices/mlflow-1"),
        0,
        "pods: mlflow service",
        "warn: .*no pod that is ready.*kubectl describe",
    ),
    "small nodes": (
        only_node(memory="3Gi"),
        1,
        "nodes: room",
        "fail: no node takes pods of train_adapter.*3Gi of memory.*--profile",
    ),
    "small nodes that grow": (
        lambda cluster: [only_node(memory="3Gi")(cluster), put("/apis/karpenter.sh", {"kind": "APIGroup"})(cluster)],
        0,
        "nodes: room",
        "warn: .*Karpenter",
    ),
    "tainted nodes": (only_node(taints=TAINT), 1, "nodes: room", "fail: .*taint team"),
    "cordoned": (
        lambda cluster: [
            inside(f"/api/v1/nodes/{name}", "spec", value={"unschedulable": True})(cluster) for name in NODES
        ],
        2,
        "nodes: nodes",
        "fail: 0 of 3.*kubectl describe nodes",
    ),
    "nodes forbidden": (forbidden("/api/v1/nodes"), 0, "nodes: nodes", "warn: could not be found out: .*403"),
    "no Argo": (gone("/apis/argoproj.io/v1alpha1"), 1, "argo: kinds", "fail: .*workflows.*installed"),
    "an old kind is missing": (
        put("/apis/argoproj.io/v1alpha1", {"resources": [{"name": "workflows"}, {"name": "workflowtemplates"}]}),
        1,
        "argo: kinds",
        "fail: .*cronworkflows, workflowtaskresults",
    ),
    "old controller": (put(CONTROLLER, OLD_CONTROLLER), 1, "argo: controller", "fail: .*3.4.4.*3.6"),
    "controller for others": (
        put(CONTROLLER, OTHER_CONTROLLER),
        1,
        "argo: controller",
        "fail: .*--managed-namespace labelcycle",
    ),
    "controller down": (
        inside(CONTROLLER, "status", value={}),
        2,
        "argo: controller",
        "fail: .*no pod that is available",
    ),
    "controller without version": (
        put(CONTROLLER, controller("argo", "ours/argo@sha256:" + 64 * "0")),
        0,
        "argo: controller",
        "warn: .*does not tell",
    ),
    "two controllers": (
        put(SECOND, controller("kubeflow", "argoproj/workflow-controller:v4.0.5")),
        0,
        "argo: controller",
        "warn: 2 look at labelcycle",
    ),
    "no controller": (gone(CONTROLLER, LEASE), 1, "argo: controller", "fail: .*none is at work.*Install"),
    "controller that was": (
        lambda cluster: [gone(CONTROLLER)(cluster), put(LEASE, lease(LONG_AGO))(cluster)],
        1,
        "argo: controller",
        "fail: .*the last sign of one is old",
    ),
    "no templates": (gone(TEMPLATE), 1, "argo: workflow templates", "fail: .*labelcycle-cycle.*kubectl apply -k"),
    "edited template": (
        inside(TEMPLATE, "spec", "podGC", value={"strategy": "OnWorkflowCompletion"}),
        0,
        "argo: workflow templates",
        "warn: .*labelcycle-cycle.podGC.strategy.*patches of yours",
    ),
    "older template": (
        inside(TEMPLATE, "spec", "templates", 0, "steps", value=[]),
        0,
        "argo: workflow templates",
        "warn: .*templates.cycle..steps",
    ),
    "no schedule": (gone(f"{PLACES['CronWorkflow']}/labelcycle-cycle"), 0, "argo: schedule", "warn: .*by hand"),
    "refused schedule": (
        inside(
            f"{PLACES['CronWorkflow']}/labelcycle-cycle",
            "status",
            value={"conditions": [{"type": "SpecError", "status": "True", "message": "cannot find WorkflowTemplate"}]},
        ),
        0,
        "argo: schedule",
        "warn: .*cannot find WorkflowTemplate.*argo cron resume",
    ),
}
NODES = ("one", "two", "three")


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_found(doctor: Doctor, cluster: Cluster, what: str) -> None:
    damage, code, check, words = BROKEN[what]
    damage(cluster)
    report = doctor(*ARGO)
    trouble = report.trouble()
    assert check in trouble, trouble
    assert re.match(words, trouble[check]), trouble[check]
    assert report.code == code, trouble


def test_a_role_stands_in_place_of_a_secret(doctor: Doctor, cluster: Cluster) -> None:
    gone(f"{HERE}/secrets/labelcycle-storage")(cluster)
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/stages"}
    inside(f"{HERE}/serviceaccounts/labelcycle-stage", "metadata", "annotations", value=role)(cluster)
    assert doctor(*ARGO).statuses["pods: storage secret"] == "pass"


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("http://mlflow:5000", "pass", "has 1 pods that are ready"),
        ("http://mlflow.labelcycle.svc.cluster.local:5000", "pass", "has 1 pods that are ready"),
        ("http://10.244.0.1:5000", "pass", "outside the cluster"),
        ("https://mlflow.io", "pass", "outside the cluster"),
        ("https://mlflow.our-company.io/path", "pass", "outside the cluster"),
        ("http://mlflow.elsewhere.svc:5000", "warn", "no service mlflow in elsewhere"),
        ("http://tracking:5000", "warn", "no service tracking in labelcycle"),
    ],
)
def test_where_mlflow_is(doctor: Doctor, cluster: Cluster, address: str, status: str, words: str) -> None:
    inside(SETTINGS, "data", "MLFLOW_TRACKING_URI", value=address)(cluster)
    report = doctor(*ARGO)
    assert report.statuses["pods: mlflow service"] == status and words in report.out


def test_a_controller_outside_the_cluster_shows_by_its_lease(doctor: Doctor, cluster: Cluster) -> None:
    gone(CONTROLLER)(cluster)
    put(LEASE, lease(datetime.datetime.now(datetime.UTC)))(cluster)
    assert doctor(*ARGO).statuses["argo: controller"] == "pass"


def test_whoever_may_look_at_one_namespace_alone_gets_warnings(doctor: Doctor, cluster: Cluster) -> None:
    forbidden("/api/v1/nodes", "/apis/apps/v1/deployments", "/apis/apps/v1/namespaces", "/apis/coordination")(cluster)
    report = doctor(*ARGO)
    assert report.code == 0
    assert report.trouble().keys() == {"store: root", "nodes: nodes", "argo: controller"}


def test_rights_to_install_are_asked_for_where_something_is_missing(doctor: Doctor, cluster: Cluster) -> None:
    assert "argo: to install" not in doctor(*ARGO).statuses
    gone(TEMPLATE)(cluster)
    assert doctor(*ARGO).statuses["argo: to install"] == "pass"
    denied("create roles")(cluster)
    assert "create roles" in doctor(*ARGO).trouble()["argo: to install"]


def test_what_the_server_adds_to_a_template_is_no_difference(doctor: Doctor, cluster: Cluster) -> None:
    spec = cluster.objects[TEMPLATE]["spec"]
    spec["workflowMetadata"]["annotations"] = {"added": "by the server"}
    spec["templates"][3]["container"]["imagePullPolicy"] = "IfNotPresent"
    assert doctor(*ARGO).statuses["argo: workflow templates"] == "pass"


def test_another_profile_and_another_image_are_named(doctor: Doctor, cluster: Cluster) -> None:
    profiles = doctor(*ARGO, "--profile", "gpu").trouble()["argo: workflow templates"]
    assert "--profile small" in profiles
    images = doctor(*ARGO, "--image", "registry.example-company.io/other:0.1.0").trouble()["argo: workflow templates"]
    assert "[label-ingest].container.image" in images


def test_gpus(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving_cluster(with_argo("gpu")) as served:
        monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig(tmp_path)))
        none = doctor(*ARGO, "--profile", "gpu")
        assert "nvidia.com/gpu" in none.trouble()["nodes: room"] and none.code == 1
        big = {"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "1"}
        tainted = {"spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]}}
        served.objects["/api/v1/nodes/gpu"] = node("gpu", **big) | tainted
        served.objects["/api/v1/nodes/big"] = node("big", cpu="16", memory="64Gi")
        one = doctor(*ARGO, "--profile", "gpu")
        assert one.code == 0 and one.statuses["nodes: room"] == "pass"
        assert "embed wants 1 of nvidia.com/gpu in each of 4 pods, with 2Gi of /dev/shm; nodes have 1" in one.out
        served.objects["/api/v1/nodes/gpu"]["status"]["allocatable"]["nvidia.com/gpu"] = "4"
        four = doctor(*ARGO, "--profile", "gpu")
        assert four.statuses["nodes: gpus"] == "pass"
        assert four.statuses["pods: image"] == "pass" and "0.1.0-cuda" in four.out


def test_start_on_labels(doctor: Doctor, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = doctor(*ARGO, "--on-labels")
    assert asked.code == 1 and "Argo Events 1.9" in asked.trouble()["argo: kinds of Argo Events"]
    with serving_cluster(with_argo(events=True)) as served:
        monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig(tmp_path)))
        whole = doctor(*ARGO)
        assert whole.code == 0 and whole.trouble().keys() == {"store: root"}
        found = {"argo: eventbus", "argo: eventsources", "argo: sensors", "argo: token of callers"}
        assert found <= whole.statuses.keys()
        del served.objects[f"{HERE}/secrets/labelcycle-on-labels"]
        del served.objects[f"{PLACES['EventBus']}/default"]
        broken = doctor(*ARGO)
        assert broken.code == 1
        assert {"argo: eventbus", "argo: token of callers"} <= broken.trouble().keys()


def test_a_wrong_log_in_ends_what_asks_the_cluster(doctor: Doctor, cluster: Cluster, tmp_path: Path) -> None:
    cluster.kubeconfig(tmp_path, token="expired")
    report = doctor(*ARGO)
    assert report.code == 1
    assert "Log in to the cluster anew" in report.trouble()["cluster: access"]
    assert len(cluster.requests) == 1


def test_a_user_whom_the_server_does_not_know(doctor: Doctor, cluster: Cluster) -> None:
    cluster.anonymous = True
    report = doctor(*ARGO)
    assert report.code == 1 and "system:anonymous" in report.trouble()["cluster: access"]


def test_a_server_that_is_away(doctor: Doctor, cluster: Cluster, tmp_path: Path) -> None:
    cluster.url = "http://127.0.0.1:1"
    cluster.kubeconfig(tmp_path)
    report = doctor(*ARGO)
    assert report.code == 2
    assert "does not answer" in report.trouble()["cluster: access"]


def test_a_server_that_never_answers_is_asked_once(
    doctor: Doctor, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labelcycle.pipelines.doctor import kubernetes_api

    monkeypatch.setattr(kubernetes_api, "SECONDS", (1, 0.2))
    cluster.seconds = 1
    report = doctor(*ARGO)
    assert report.code == 2 and "does not answer" in report.trouble()["cluster: access"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "There is no kubeconfig"), ("{", "cannot be used"), ("{}", "cannot be used")],
    ids=["none", "torn", "empty"],
)
def test_no_way_to_a_cluster(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "kubeconfig").write_text(content)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    report = doctor(*ARGO)
    assert report.code == 1
    trouble = report.trouble()["cluster: access"]
    assert words in trouble and "KUBECONFIG" in trouble


def test_a_context_that_is_not_there(doctor: Doctor, cluster: Cluster) -> None:
    assert "elsewhere" in doctor(*ARGO, "--context", "elsewhere").trouble()["cluster: access"]
    assert doctor(*ARGO, "--context", "work").code == 0


def test_the_root_of_the_workflows(doctor: Doctor, cluster: Cluster, s3_root: str) -> None:
    report = doctor(s3_root, *ARGO)
    assert f"-p root={s3_root}" in report.trouble()["argo: default root"]
    settings = json.dumps(report.facts)
    assert "stages use Amazon S3, and this machine http://127.0.0.1" in settings
