"""Kubeflow Pipelines on the node: its names in the cluster, its own settings of Argo, its images and its servers."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from labelcycle.pipelines.kubeflow.connection import connect, quiet
from labelcycle.pipelines.kubeflow.failure import was_cancelled
from tests.cluster.archives import write_image
from tests.cluster.cluster import HERE, Cluster
from tests.cluster.kubectl import Kubectl
from tests.cluster.kubeflow_build import MANIFESTS, build_kubeflow, metadata_packages
from tests.cluster.kubeflow_servers import ADDRESS, BUCKET, DRIVER, LAUNCHER, NAMESPACE, start_servers
from tests.cluster.namespaces import await_that
from tests.cluster.progress import step
from tests.cluster.stores import ACCOUNT, KEY, KEY_ID, Stores

USER = "65532"
"""The user that the images of driver and launcher have."""

DEFINITIONS = ("cluster-scoped/scheduled-workflow-crd.yaml", "cluster-scoped/viewer-crd.yaml")
ACCESS = ("pipeline-runner-sa.yaml", "pipeline-runner-role.yaml", "pipeline-runner-rolebinding.yaml")
OF_ARGO = "third-party/argo/base/workflow-controller-configmap-patch.yaml"
CONTROLLER_MAP = "workflow-controller-configmap"


@dataclass(frozen=True)
class KubeflowBackend:
    """A running backend, with labelcycle's names in its namespace.

    Attributes:
        cluster: where it runs.
        kubectl: Kubernetes' command, in the namespace of the runs.
    """

    cluster: Cluster
    kubectl: Kubectl

    def create(self, command: str, root: str, *further: object, profile: Path = HERE / "profile.yaml") -> str:
        """Submit or schedule by the documented command; returns the number that the API has given it."""
        place = ["--host", ADDRESS, "--image", self.cluster.image, "--profile", profile]
        printed = self.cluster.labelcycle(command, root, *place, *further)
        return next(line for line in printed.splitlines() if line.startswith(ADDRESS)).rpartition("/")[2]

    def run(self, run_id: str) -> dict[str, Any]:
        """A run as the API describes it."""
        return dict(connect(ADDRESS).read(f"/apis/v2beta1/runs/{run_id}"))

    def runs_of(self, recurring_run_id: str) -> list[dict[str, Any]]:
        """The runs that a schedule has started, in order."""
        found = connect(ADDRESS).read("/apis/v2beta1/runs?page_size=100&sort_by=created_at")["runs"]
        return [dict(run) for run in found if run.get("recurring_run_id") == recurring_run_id]

    def terminate(self, run_id: str, seconds: float = 120) -> None:
        """End a run as its button in the web pages does, and wait until no pod of it works any more.

        The API says of it that it is being cancelled, and then that it has failed, because Argo says no more.
        """
        with quiet():
            connect(ADDRESS).client.terminate_run(run_id)
        ended = ("CANCELED", "FAILED")
        await_that(lambda: self.run(run_id)["state"] in ended, f"{run_id} has ended", seconds, interval=1)
        await_that(lambda: not self.working(run_id), f"the pods of {run_id} have ended", seconds, interval=1)
        with quiet():
            assert was_cancelled(connect(ADDRESS).client.get_run(run_id))

    def working(self, run_id: str) -> list[str]:
        """Names of the pods of a run that have not ended."""
        pods = self.kubectl.get("pods", f"--selector=pipeline/runid={run_id}")["items"]
        return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]

    def workflow(self, run_id: str) -> dict[str, Any]:
        """The workflow that Argo made of a run."""
        [found] = self.kubectl.get("workflows", f"--selector=pipeline/runid={run_id}")["items"]
        return dict(found)


@contextmanager
def kubeflow_on(cluster: Cluster) -> Iterator[KubeflowBackend]:
    """The backend on a cluster; Argo's controller has its own settings again afterwards."""
    programs = build_kubeflow(cluster.cache)
    packages = metadata_packages(cluster.cache, sys.executable)
    kubectl = replace(cluster.kubectl, namespace=NAMESPACE)
    manifests = programs / MANIFESTS
    with step("install Kubeflow Pipelines"):
        import_images(cluster, programs)
        name_everything(kubectl, manifests / "base" / "pipeline", cluster.stores)
        start_servers(cluster.node, programs, packages)
    with settings_of_argo(kubectl, manifests / OF_ARGO):
        yield KubeflowBackend(cluster, kubectl)


def import_images(cluster: Cluster, programs: Path) -> None:
    """Give the node the images that runs name, of static programs alone."""
    archive = cluster.node.folder / "image.tar"
    for image, name in {DRIVER: "driver", LAUNCHER: "launcher-v2"}.items():
        write_image(archive, image, {f"/bin/{name}": programs / name}, [f"/bin/{name}"], USER, ["/tmp"])
        cluster.node.containerd.add(archive)
    archive.unlink()


def name_everything(kubectl: Kubectl, manifests: Path, stores: Stores) -> None:
    """The namespace, the rights of runs as released, and what pipelines/kubeflow/README.md names for labelcycle.

    Args:
        kubectl: in the namespace.
        manifests: folder of the released manifests of the backend.
        stores: S3 and MLflow.
    """
    kubectl("create", "namespace", NAMESPACE)
    kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    for file in (*DEFINITIONS, *ACCESS):
        kubectl("apply", "--server-side", f"--filename={manifests / file}")
    made: dict[str, dict[str, str]] = {
        "secret generic mlpipeline-minio-artifact": {"accesskey": KEY_ID, "secretkey": KEY},
        "secret generic labelcycle-storage": {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY},
        "secret generic labelcycle-tracking": {
            "MLFLOW_TRACKING_USERNAME": ACCOUNT[0],
            "MLFLOW_TRACKING_PASSWORD": ACCOUNT[1],
        },
        "configmap labelcycle-settings": {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": stores.s3_for_pods,
            "MLFLOW_TRACKING_URI": stores.mlflow_for_pods,
        },
    }
    for what, content in made.items():
        kubectl("create", *what.split(), *(f"--from-literal={key}={value}" for key, value in content.items()))


@contextmanager
def settings_of_argo(kubectl: Kubectl, released: Path) -> Iterator[None]:
    """Give Argo's controller, which watches its ConfigMap, the settings that Kubeflow Pipelines installs it with."""
    content = released.read_text()
    content = content.replace("$(kfp-namespace)", NAMESPACE).replace("$(kfp-artifact-bucket-name)", BUCKET)
    in_argo = replace(kubectl, namespace="argo")
    before = in_argo.get("configmap", CONTROLLER_MAP).get("data") or {}

    def put(data: dict[str, str]) -> None:
        metadata = {"name": CONTROLLER_MAP, "namespace": "argo"}
        written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        in_argo("replace", "--filename=-", given=yaml.safe_dump(written))

    put(yaml.safe_load(content)["data"])
    try:
        yield
    finally:
        put(before)
