"""Argo's workflow controller: that it runs, its version, and that it looks at the namespace of the pods."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from labelcycle.pipelines.doctor.check_result import CheckResult, failed, listed, passed, warned
from labelcycle.pipelines.doctor.kubernetes_api import Json, Refused
from labelcycle.pipelines.doctor.namespace import Cluster

NAME = "workflow-controller"
USUAL_PLACES = ("argo", "kubeflow")
"""Namespaces in which Argo's own installation and that of Kubeflow Pipelines put it."""

OLDEST = (3, 6)
LATEST_SIGN_SECONDS = 120
"""A controller renews its lease every few seconds."""


@dataclass(frozen=True)
class Controller:
    """A controller that was found.

    Attributes:
        namespace: where it runs.
        version: as the tag of its image says, such as `4.0.5`; empty where that says nothing.
        available: how many of its pods are.
        managed: the one namespace that it looks at; empty for all.
    """

    namespace: str
    version: str
    available: int
    managed: str


def check_controller(cluster: Cluster) -> Iterator[CheckResult]:
    """The controllers that would take up a workflow of the namespace."""
    found, everywhere = _controllers(cluster)
    if not found:
        yield from _by_its_lease(cluster, everywhere)
        return
    for_us = [each for each in found if each.managed in ("", cluster.namespace)]
    if not for_us:
        places = listed([f"{each.namespace}, which looks at {each.managed}" for each in found])
        yield failed(
            "controller",
            f"no controller looks at {cluster.namespace}; there is one in {places}",
            f"Install Argo Workflows for the whole cluster, or start it with --managed-namespace {cluster.namespace}.",
        )
        return
    for each in for_us:
        yield _state(each)
    if len(for_us) > 1:
        places = listed([each.namespace for each in for_us])
        remedy = "Let one look at other namespaces alone (--managed-namespace), or give one an instanceID."
        yield warned("controller", f"{len(for_us)} look at {cluster.namespace}, in {places}", remedy)


def _state(controller: Controller) -> CheckResult:
    where = f"the controller in {controller.namespace}"
    if not controller.available:
        remedy = f"kubectl describe deployment -n {controller.namespace} {NAME}"
        return failed("controller", f"{where} has no pod that is available", remedy, may_pass=True)
    numbers = re.match(r"(\d+)\.(\d+)", controller.version)
    if numbers is None:
        remedy = f"See that it is Argo Workflows {_dotted(OLDEST)} or later."
        return warned("controller", f"{where} runs, in a version that its image does not tell", remedy)
    if (int(numbers[1]), int(numbers[2])) < OLDEST:
        remedy = f"Update Argo Workflows to {_dotted(OLDEST)} or later."
        return failed("controller", f"{where} is of version {controller.version}", remedy)
    return passed("controller", f"Argo Workflows {controller.version}, {where}")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _controllers(cluster: Cluster) -> tuple[list[Controller], bool]:
    """Those that can be seen, and whether all namespaces could be looked at."""
    deployments: dict[str, Json] = {}
    selections = (
        {"fieldSelector": f"metadata.name={NAME}"},
        {"labelSelector": f"app.kubernetes.io/component={NAME}"},
    )
    try:
        for selection in selections:
            for each in cluster.api.items("/apis/apps/v1/deployments", **selection):
                deployments[f"{each['metadata']['namespace']}/{each['metadata']['name']}"] = each
        return [_controller(each) for each in deployments.values()], True
    except Refused as refusal:
        refusals = [refusal]
    for namespace in dict.fromkeys((*USUAL_PLACES, cluster.namespace)):
        try:
            here = cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{NAME}")
        except Refused as refusal:
            refusals.append(refusal)
            continue
        if here is not None:
            deployments[namespace] = here
    if not deployments and len(refusals) > 1:
        raise refusals[0]
    return [_controller(each) for each in deployments.values()], False


def _controller(deployment: Json) -> Controller:
    namespace = str(deployment["metadata"]["namespace"])
    containers = deployment["spec"]["template"]["spec"]["containers"]
    container = next((each for each in containers if each["name"] in (NAME, "controller")), containers[0])
    tag = str(container["image"]).partition("@")[0].rpartition("/")[2].partition(":")[2]
    return Controller(
        namespace=namespace,
        version=tag.removeprefix("v"),
        available=int((deployment.get("status") or {}).get("availableReplicas") or 0),
        managed=_managed([*(container.get("command") or []), *(container.get("args") or [])], namespace),
    )


def _managed(words: list[str], own: str) -> str:
    """The namespace that a controller's flags confine it to; empty for none."""
    if "--namespaced" not in words and "--namespaced=true" not in words:
        return ""
    for number, word in enumerate(words):
        if word.startswith("--managed-namespace="):
            return word.partition("=")[2]
        if word == "--managed-namespace" and number + 1 < len(words):
            return words[number + 1]
    return own


def _by_its_lease(cluster: Cluster, everywhere: bool) -> Iterator[CheckResult]:
    """A controller that is no Deployment of the usual name shows by the lease that it holds while it leads."""
    if everywhere:
        leases = cluster.api.items("/apis/coordination.k8s.io/v1/leases", fieldSelector=f"metadata.name={NAME}")
    else:
        paths = [
            f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{NAME}"
            for namespace in dict.fromkeys((*USUAL_PLACES, cluster.namespace))
        ]
        leases = [lease for path in paths if (lease := cluster.api.get(path)) is not None]
    ages = {str(lease["metadata"]["namespace"]): _age(lease) for lease in leases}
    fresh = [namespace for namespace, age in ages.items() if age is not None and age < LATEST_SIGN_SECONDS]
    if fresh:
        seen = f"one in {listed(fresh)} is at work, by its lease, which tells no version"
        yield passed("controller", seen)
        return
    old = "; the last sign of one is old" if ages else ""
    remedy = f"Install Argo Workflows {_dotted(OLDEST)} or later, or start its controller."
    if everywhere:
        yield failed("controller", f"there is no Deployment {NAME} and none is at work{old}", remedy)
    else:
        places = listed([*USUAL_PLACES, cluster.namespace])
        yield warned("controller", f"none is seen in {places}{old}, and you may not look elsewhere", remedy)


def _age(lease: Json) -> float | None:
    """Seconds since the lease was renewed; None where it never was."""
    renewed = (lease.get("spec") or {}).get("renewTime")
    if not renewed:
        return None
    now = datetime.datetime.now(datetime.UTC)
    return (now - datetime.datetime.fromisoformat(str(renewed))).total_seconds()
