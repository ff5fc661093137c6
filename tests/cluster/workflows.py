"""Argo's own controller in the cluster, installed by Argo's own manifests, and the command of its users."""

import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.archives import write_image
from tests.cluster.binaries import Binaries
from tests.cluster.configuration import PAUSE_IMAGE
from tests.cluster.containerd import Containerd
from tests.cluster.kubectl import Kubectl
from tests.cluster.progress import step

CONTROLLER, EXECUTOR = "quay.io/argoproj/workflow-controller", "quay.io/argoproj/argoexec"
USER = "8737"
"""The user that Argo's images have."""

SOON = {
    "op": "add",
    "path": "/spec/template/spec/containers/0/env/-",
    "value": {"name": "DEFAULT_REQUEUE_TIME", "value": "1s"},
}
"""How soon the controller comes back to a workflow, as pipelines/argo/README.md advises it: ten seconds by default."""

STAYS = {"op": "add", "path": "/spec/template/spec/priorityClassName", "value": "system-cluster-critical"}
"""A kubelet that is short of memory evicts stages, and not the controller, without which there soon are none."""

ENDED = ("Succeeded", "Failed", "Error")


def import_programs(containerd: Containerd, binaries: Binaries, folder: Path) -> None:
    """Give the node the images that are not labelcycle's, under the names that manifests have."""
    argo, version = binaries.argo, binaries.argo_version
    images = {
        PAUSE_IMAGE: ({"/pause": argo / "pause"}, ["/pause"], "65535:65535"),
        f"{CONTROLLER}:{version}": (
            {"/bin/workflow-controller": argo / "workflow-controller"},
            ["workflow-controller"],
            USER,
        ),
        f"{EXECUTOR}:{version}": ({"/bin/argoexec": argo / "argoexec"}, ["argoexec"], ""),
    }
    archive = folder / "image.tar"
    for name, (programs, entrypoint, user) in images.items():
        write_image(archive, name, programs, entrypoint, user)
        containerd.add(archive)
    archive.unlink()


def install(kubectl: Kubectl, binaries: Binaries, folder: Path) -> None:
    """Install Argo's small custom resource definitions, its rights and its controller, and wait for it."""
    manifests = os.path.relpath(binaries.argo_manifests, folder)
    parts = ("base/crds/minimal", "base/workflow-controller", "cluster-install-no-crds/workflow-controller-rbac")
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "argo",
        "resources": [f"{manifests}/{part}" for part in parts],
        "images": [{"name": CONTROLLER, "newTag": binaries.argo_version}],
        "patches": [
            {"target": {"kind": "Deployment", "name": "workflow-controller"}, "patch": yaml.safe_dump([SOON, STAYS])}
        ],
    }
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
    in_argo = replace(kubectl, namespace="argo")
    with step("install Argo"):
        in_argo("create", "namespace", "argo")
        in_argo("apply", "--server-side", f"--kustomize={folder}")
        in_argo("rollout", "status", "deployment/workflow-controller", "--timeout=5m")


@dataclass(frozen=True)
class Argo:
    """The command `argo`, which speaks to the cluster as `kubectl` does."""

    program: Path
    kubectl: Kubectl

    def __call__(self, *words: str, check: bool = True) -> str:
        """Run the command; returns what it printed.

        Raises:
            AssertionError: it failed, unless `check` is False; what it printed is in the message.
        """
        place = [f"--kubeconfig={self.kubectl.kubeconfig}", f"--namespace={self.kubectl.namespace}"]
        environment = {**os.environ, "HOME": str(self.kubectl.kubeconfig.parent)}
        done = subprocess.run([str(self.program), *words, *place], env=environment, capture_output=True, text=True)
        if check:
            assert done.returncode == 0, f"argo {' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def submit(self, template: str = "labelcycle-cycle", **parameters: object) -> str:
        """Submit a workflow of a workflow template; returns its name."""
        given = [word for name, value in parameters.items() for word in ("--parameter", f"{name}={value}")]
        return self("submit", "--from", f"workflowtemplate/{template}", "--output=name", *given).strip()

    def workflow(self, name: str) -> dict[str, Any]:
        """The workflow as the cluster has it."""
        found: dict[str, Any] = self.kubectl.get("workflow", name)
        return found

    def phase(self, name: str) -> str:
        """Pending, Running, Succeeded, Failed or Error."""
        return str(self.workflow(name).get("status", {}).get("phase", "Pending"))

    def await_end(self, name: str, seconds: float = 1500) -> dict[str, Any]:
        """Wait until a workflow has ended; returns it.

        Raises:
            AssertionError: it has not, in this time.
        """
        deadline = time.monotonic() + seconds
        while self.phase(name) not in ENDED:
            assert time.monotonic() < deadline, f"{name} still runs after {seconds:.0f} s:\n{self.told(name)}"
            time.sleep(2)
        return self.workflow(name)

    def succeed(self, name: str, seconds: float = 1500) -> dict[str, Any]:
        """Wait until a workflow has succeeded; returns it.

        Raises:
            AssertionError: it failed; what Argo and its pods say is in the message.
        """
        workflow = self.await_end(name, seconds)
        assert workflow["status"]["phase"] == "Succeeded", self.told(name)
        return workflow

    def told(self, name: str) -> str:
        """What there is to be read about a workflow: its nodes, its pods, and the ends of their logs."""
        pods = self.kubectl("get", "pods", f"--selector=workflows.argoproj.io/workflow={name}", check=False)
        logs = self("logs", name, check=False)
        return f"{self('get', name, check=False)}\n{pods}\n{logs[-4000:]}"


def nodes_of(workflow: dict[str, Any], kind: str = "Pod") -> list[dict[str, Any]]:
    """The nodes of a workflow of one type, in the order that they began."""
    found = [node for node in workflow["status"]["nodes"].values() if node["type"] == kind]
    return sorted(found, key=lambda node: str(node.get("startedAt") or "~"))
