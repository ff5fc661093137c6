"""What holds for every container: requests and limits, no rights, a fixed image, a root that is read-only."""

from collections.abc import Iterator
from typing import Any

from tests.manifests.inventory import Pod, called_pods, of_kind, pods
from tests.manifests.kustomizations import Object

WRITES_ITS_ROOT = {
    "label-studio": "whether the image of Label Studio runs with a read-only root is not known",
}
"""Containers whose root is not read-only, and why."""


def _containers(objects: list[Object]) -> Iterator[tuple[str, Pod, dict[str, Any]]]:
    for pod in (*pods(objects), *called_pods(objects)):
        for container in pod.containers:
            yield f"{pod.owner}, container {container['name']}", pod, container


def resources_named(objects: list[Object]) -> list[str]:
    """Every container requests processor and memory, and has limits for both."""
    return [
        f"{where} has no {part} of {resource}"
        for where, _, container in _containers(objects)
        for part in ("requests", "limits")
        for resource in ("cpu", "memory")
        if not container.get("resources", {}).get(part, {}).get(resource)
    ]


def restricted(objects: list[Object]) -> list[str]:
    """Every pod keeps to the pod security standard `restricted`."""
    found = []
    for where, pod, container in _containers(objects):
        of_pod, own = pod.spec.get("securityContext") or {}, container.get("securityContext") or {}
        if not own.get("runAsNonRoot", of_pod.get("runAsNonRoot")):
            found.append(f"{where} may run as root")
        if 0 in (own.get("runAsUser"), of_pod.get("runAsUser")):
            found.append(f"{where} runs as root")
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            found.append(f"{where} may gain privileges")
        if own.get("capabilities") != {"drop": ["ALL"]}:
            found.append(f"{where} keeps capabilities")
        seccomp = own.get("seccompProfile", of_pod.get("seccompProfile", {}))
        if seccomp.get("type") != "RuntimeDefault":
            found.append(f"{where} has no seccomp profile")
        if any(pod.spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
            found.append(f"{where} shares the node's namespaces")
        if any("hostPath" in volume for volume in pod.spec.get("volumes", [])):
            found.append(f"{where} mounts a folder of the node")
    return found


def images_fixed(objects: list[Object]) -> list[str]:
    """Every image has a tag that is a version, or a digest."""
    found = []
    for where, _, container in _containers(objects):
        name = container.get("image", "").rsplit("/", 1)[-1]
        tag = name.partition(":")[2]
        if "@sha256:" not in name and (not tag or "latest" in tag):
            found.append(f"{where} takes any image of {name or 'none'}")
    return found


def root_read_only(objects: list[Object]) -> list[str]:
    """Every container has a root that is read-only, but for those with a reason."""
    return [
        f"{where} may write to its root"
        for where, _, container in _containers(objects)
        if not (container.get("securityContext") or {}).get("readOnlyRootFilesystem")
        and container.get("name") not in WRITES_ITS_ROOT
    ]


def namespaces_enforce(objects: list[Object]) -> list[str]:
    """Every namespace refuses pods that do not keep to `restricted`, as a certain version of Kubernetes defines it."""
    found = []
    for namespace in of_kind(objects, "Namespace"):
        labels = namespace["metadata"].get("labels", {})
        for mode in ("enforce", "audit", "warn"):
            if labels.get(f"pod-security.kubernetes.io/{mode}") != "restricted":
                found.append(f"namespace {namespace['metadata']['name']} does not {mode} restricted")
            if not labels.get(f"pod-security.kubernetes.io/{mode}-version", "").startswith("v1."):
                found.append(f"namespace {namespace['metadata']['name']} does not say the version that it {mode}s")
    return found
