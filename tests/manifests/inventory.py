"""What is in a list of objects: its pods, whichever kind makes them, and who is selected by a selector."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.manifests.kustomizations import Object
from tests.pipelines.argo.pod_spec import pod_spec

ANY = "*"
"""A label whose value is the engine's to choose."""

OUTSIDE_PODS: list[tuple[str, dict[str, str]]] = [
    ("labelcycle-runs", {"pipelines.kubeflow.org/v2_component": "true"}),
    ("kubeflow", {"app": "ml-pipeline"}),
    ("kubeflow", {"component": "metadata-grpc-server"}),
    ("kubeflow", {"app": "seaweedfs"}),
    ("kube-system", {"k8s-app": "kube-dns"}),
]
"""Namespace and labels of the pods that policies name and others make: Kubeflow Pipelines and the cluster itself."""


@dataclass(frozen=True)
class Pod:
    """A pod that an object makes.

    Attributes:
        owner: kind and name of the object, and for Argo the template's name.
        namespace, labels: those of the pod.
        spec: the pod's part of the object: security context, volumes and so on.
        containers: all its containers, the initial ones first.
        account: the name of its service account.
    """

    owner: str
    namespace: str
    labels: dict[str, str]
    spec: dict[str, Any]
    containers: tuple[dict[str, Any], ...]
    account: str | None


def namespace_of(given: Object) -> str:
    """Namespace of an object; empty for those that have none."""
    return str(given["metadata"].get("namespace", ""))


def called(given: Object) -> str:
    """Kind and name of an object, as messages name it."""
    return f"{given['kind']} {given['metadata']['name']}"


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [given for given in objects if given["kind"] in kinds]


def pods(objects: list[Object]) -> list[Pod]:
    """The pods that the objects make, where the object says what is in them."""
    return [pod for given in objects for pod in _pods(given, _container_defaults(objects))]


def called_pods(objects: list[Object]) -> list[Pod]:
    """The pods of templates that another workflow template calls: its workflow makes them, by its own settings."""
    defaults = _container_defaults(objects)
    templates = {
        given["metadata"]["name"]: given["spec"]["templates"] for given in of_kind(objects, "WorkflowTemplate")
    }
    return [
        _stage(caller, template, defaults.get(namespace_of(caller), {}))
        for caller in of_kind(objects, "WorkflowTemplate")
        for name in sorted(set(_called(caller["spec"]["templates"])))
        for template in templates[name]
        if "container" in template
    ]


def _called(templates: list[dict[str, Any]]) -> Iterator[str]:
    """The other workflow templates that steps refer to."""
    for template in templates:
        for step in (step for group in template.get("steps", []) for step in group):
            if "templateRef" in step:
                yield step["templateRef"]["name"]


def _container_defaults(objects: list[Object]) -> dict[str, dict[str, Any]]:
    """What containers get that name no resources, by namespace."""
    found = {}
    for given in of_kind(objects, "LimitRange"):
        [limits] = [limits for limits in given["spec"]["limits"] if limits["type"] == "Container"]
        found[namespace_of(given)] = {"requests": limits["defaultRequest"], "limits": limits["default"]}
    return found


def _pods(given: Object, defaults: Mapping[str, dict[str, Any]]) -> Iterator[Pod]:
    spec = given.get("spec", {})
    if given["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        yield _pod(given, "", spec["template"].get("metadata", {}).get("labels", {}), spec["template"]["spec"])
    elif given["kind"] == "CronJob":
        template = spec["jobTemplate"]["spec"]["template"]
        yield _pod(given, "", template.get("metadata", {}).get("labels", {}), template["spec"])
    elif given["kind"] in ("WorkflowTemplate", "CronWorkflow"):
        workflow = spec.get("workflowSpec", spec)
        for template in workflow.get("templates", []):
            if "container" in template:
                yield _stage({**given, "spec": workflow}, template, defaults.get(namespace_of(given), {}))


def _pod(given: Object, part: str, labels: dict[str, str], spec: dict[str, Any]) -> Pod:
    containers = (*spec.get("initContainers", []), *spec["containers"])
    owner = f"{called(given)}{part}"
    return Pod(owner, namespace_of(given), labels, spec, containers, spec.get("serviceAccountName"))


def _stage(given: Object, template: dict[str, Any], defaults: dict[str, Any]) -> Pod:
    """The pod of a template of Argo as its controller makes it, and as Kubernetes then fills in resources."""
    labels = {"workflows.argoproj.io/workflow": ANY, **template.get("metadata", {}).get("labels", {})}
    spec = {"arguments": given["spec"].get("arguments", {}), **pod_spec(given["spec"], template)}
    for container in (*spec["initContainers"], *spec["containers"]):
        if container["name"] != "main":
            container.setdefault("resources", defaults)
    return _pod(given, f", template {template['name']}", labels, spec)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector of Kubernetes selects these labels; an empty one selects all."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) not in (value, ANY):
            return False
    for expression in selector.get("matchExpressions", []):
        present = expression["key"] in labels
        value, values = labels.get(expression["key"]), expression.get("values", [])
        holds = {
            "Exists": present,
            "DoesNotExist": not present,
            "In": present and value in (*values, ANY),
            "NotIn": not present or value not in values,
        }[expression["operator"]]
        if not holds:
            return False
    return True


def all_labels(objects: list[Object]) -> list[tuple[str, dict[str, str]]]:
    """Namespace and labels of all pods there may be: those the objects make, and those that others make."""
    made = [(pod.namespace, pod.labels) for pod in pods(objects)]
    for given in of_kind(objects, "EventSource", "Sensor"):
        made.append((namespace_of(given), given["spec"]["template"]["metadata"]["labels"]))
    for given in of_kind(objects, "EventBus"):
        made.append((namespace_of(given), {"controller": "eventbus-controller"}))
    return made + OUTSIDE_PODS
