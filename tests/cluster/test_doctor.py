"""`labelcycle doctor` on the real cluster: sound, and with one thing after another broken and put right again."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.campaigns import Campaigns
from tests.cluster.certificates import NODE_NAME
from tests.cluster.cluster import HERE, SECONDS_OF_A_COMMAND, Cluster
from tests.cluster.namespaces import await_that
from tests.cluster.pod_faults import NO_PODS
from tests.installed_command import command_in

ENFORCED = "pod-security.kubernetes.io/enforce"
EXAMPLE_IMAGE = "registry.example.com/no-such-image:1"
EXPECTED = {"object store", "default root"}
"""Warned of here even if all is well: one server has two addresses, and the workflows are for any campaign."""


@pytest.fixture(scope="module")
def root(campaigns: Campaigns, embeddings: Path) -> str:
    """A campaign that could run."""
    return campaigns.begin_on_embeddings("examined", embeddings, "--budget", 8, "--batch", 8)


def examined(cluster: Cluster, root: str, *flags: object, **changed: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """What the doctor exits with, and its findings that are no pass, by check."""
    given = cluster.stores.environment | {"KUBECONFIG": str(cluster.kubectl.kubeconfig)} | changed
    words = ["doctor", root, "--engine", "argo", "--profile", HERE / "profile.yaml", "--json", *flags]
    done = command_in(cluster.folder, SECONDS_OF_A_COMMAND)(*words, **given)
    findings = json.loads(done.stdout)["findings"]
    return done.returncode, {one["check"]: one for one in findings if one["status"] != "pass"}


@contextmanager
def without(cluster: Cluster, *kind_and_name: str) -> Iterator[None]:
    """An object of the namespace deleted."""
    found = cluster.kubectl.get(*kind_and_name)
    for name in ("resourceVersion", "uid", "creationTimestamp", "ownerReferences"):
        found["metadata"].pop(name, None)
    cluster.kubectl("delete", *kind_and_name)
    yield
    cluster.kubectl.apply(json.dumps(found))


@contextmanager
def without_kind(cluster: Cluster) -> Iterator[None]:
    """Argo's kind of schedules deleted, and with it the schedule."""
    with without(cluster, "cronworkflow", "labelcycle-cycle"), without(cluster, "cronworkflow", "labelcycle-prune"):
        with without(cluster, "customresourcedefinition", "cronworkflows.argoproj.io"):
            yield
        wait = ["wait", "--for=condition=Established", "customresourcedefinition/cronworkflows.argoproj.io"]
        cluster.kubectl(*wait, "--timeout=60s")


@contextmanager
def without_label(cluster: Cluster) -> Iterator[None]:
    """The namespace enforces nothing."""
    cluster.kubectl("label", "namespace", "labelcycle", f"{ENFORCED}-")
    yield
    cluster.kubectl("label", "namespace", "labelcycle", f"{ENFORCED}=restricted")


@contextmanager
def with_half_a_secret(cluster: Cluster) -> Iterator[None]:
    """The secret of the object store has one key of two."""
    with without(cluster, "secret", "labelcycle-storage"):
        cluster.kubectl("create", "secret", "generic", "labelcycle-storage", "--from-literal=AWS_ACCESS_KEY_ID=alone")
        yield
        cluster.kubectl("delete", "secret", "labelcycle-storage")


@contextmanager
def with_quota(cluster: Cluster) -> Iterator[None]:
    """No pod is allowed."""
    cluster.kubectl.apply(NO_PODS)
    yield
    cluster.kubectl("delete", "resourcequota", "nothing-left")


@contextmanager
def cordoned(cluster: Cluster) -> Iterator[None]:
    """The only node takes no pods."""
    cluster.kubectl("cordon", NODE_NAME)
    yield
    cluster.kubectl("uncordon", NODE_NAME)


@contextmanager
def without_controller(cluster: Cluster) -> Iterator[None]:
    """Argo's controller has no pod."""
    scale = ["--namespace=argo", "scale", "deployment/workflow-controller"]
    status = ["--namespace=argo", "rollout", "status", "deployment/workflow-controller", "--timeout=5m"]
    available = ["--namespace=argo", "get", "deployment/workflow-controller", "--output=jsonpath={.status.replicas}"]
    cluster.kubectl(*scale, "--replicas=0")
    await_that(lambda: cluster.kubectl(*available) in ("", "0"), "the controller has no pod")
    yield
    cluster.kubectl(*scale, "--replicas=1")
    cluster.kubectl(*status)


@contextmanager
def with_image_of_examples(cluster: Cluster) -> Iterator[None]:
    """The workflows name an image that is nowhere."""
    folder = cluster.folder / "no-such-image"
    named = ["--image", EXAMPLE_IMAGE, "--profile", HERE / "profile.yaml"]
    cluster.labelcycle("argo", "--output", folder, *named)
    cluster.kubectl("apply", f"--kustomize={folder / 'workflows'}")
    yield
    cluster.kubectl("apply", f"--kustomize={cluster.folder / 'our-cluster'}")


@contextmanager
def with_mlflow_down(cluster: Cluster) -> Iterator[None]:
    """MLflow does not answer."""
    cluster.stores.mlflow.stop()
    yield
    cluster.stores.mlflow.start()


BROKEN: dict[str, tuple[Callable[[Cluster], AbstractContextManager[None]], int, str, str, str]] = {
    "kind": (without_kind, 1, "kinds", "fail", "Have Argo Workflows"),
    "rights of stages": (
        lambda cluster: without(cluster, "rolebinding", "labelcycle-executor"),
        1,
        "its rights",
        "fail",
        "stage-account.yaml",
    ),
    "account": (
        lambda cluster: without(cluster, "serviceaccount", "labelcycle-stage"),
        1,
        "service account",
        "fail",
        "kubectl apply -k manifests/overlays/argo",
    ),
    "label": (without_label, 0, "pod security", "warn", f"{ENFORCED}=restricted"),
    "secret": (
        lambda cluster: without(cluster, "secret", "labelcycle-storage"),
        0,
        "storage secret",
        "warn",
        "kubectl create secret generic labelcycle-storage",
    ),
    "half a secret": (with_half_a_secret, 1, "storage secret", "fail", "AWS_SECRET_ACCESS_KEY"),
    "settings": (
        lambda cluster: without(cluster, "configmap", "labelcycle-settings"),
        0,
        "settings",
        "warn",
        "manifests/base/settings/settings.yaml",
    ),
    "workflow template": (
        lambda cluster: without(cluster, "workflowtemplate", "labelcycle-cycle"),
        1,
        "workflow templates",
        "fail",
        "labelcycle argo --output manifests",
    ),
    "quota": (with_quota, 1, "quota", "fail", "Raise the quota"),
    "node": (cordoned, 2, "nodes", "fail", "kubectl describe nodes"),
    "controller": (without_controller, 2, "controller", "fail", "argo"),
    "image": (with_image_of_examples, 1, "image", "fail", "Name your own registry"),
    "MLflow": (with_mlflow_down, 0, "mlflow", "warn", "The next cycle records what is missing"),
}
"""What is broken → how, the exit code, and the line about it: check, status, and a part of the remedy."""


def test_a_sound_cluster(cluster: Cluster, root: str) -> None:
    code, findings = examined(cluster, root)
    assert findings.keys() == EXPECTED, findings
    assert code == 0


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_told_with_its_remedy(cluster: Cluster, root: str, what: str) -> None:
    broken, expected_code, check, status, remedy = BROKEN[what]
    with broken(cluster):
        code, findings = examined(cluster, root)
    assert check in findings, findings
    assert findings[check]["status"] == status
    assert remedy in findings[check]["remedy"], findings[check]
    assert code == expected_code, findings


def test_a_key_that_s3_refuses(cluster: Cluster, root: str) -> None:
    code, findings = examined(cluster, root, AWS_ACCESS_KEY_ID="somebody-else")
    assert code == 1
    assert findings["root"]["status"] == "fail" and "AWS_ACCESS_KEY_ID" in findings["root"]["remedy"]


def test_requests_that_fit_no_node(cluster: Cluster, root: str, tmp_path: Path) -> None:
    profile = yaml.safe_load((HERE / "profile.yaml").read_text())
    profile["every"] |= {"memory": "900Gi", "memory_limit": "900Gi"}
    (tmp_path / "large.yaml").write_text(yaml.safe_dump(profile))
    code, findings = examined(cluster, root, "--profile", tmp_path / "large.yaml")
    assert code == 1
    assert findings["room"]["status"] == "fail" and "--profile" in findings["room"]["remedy"]
