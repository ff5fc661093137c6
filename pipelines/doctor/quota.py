"""Quotas and limit ranges of the namespace: whether they let the pods of the stages in."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from labelcycle.pipelines.doctor.check_result import Check, CheckResult, failed, listed, passed, warned
from labelcycle.pipelines.doctor.kubernetes_api import Json
from labelcycle.pipelines.doctor.namespace import Cluster
from labelcycle.pipelines.graph import CYCLE
from labelcycle.pipelines.profiles.profile import Placement


def quota_checks(cluster: Cluster) -> list[Check]:
    """What to look at of the namespace's limits."""
    return [
        Check("pods", "quota", lambda: check_quota(cluster)),
        Check("pods", "limits", lambda: check_limits(cluster)),
    ]


def check_quota(cluster: Cluster) -> Iterator[CheckResult]:
    """Whether each stage's pod is within the quotas, and whether there is room in them now."""
    placements = {stage.name: cluster.profile.stages[stage.name] for stage in CYCLE.stages}
    quotas = cluster.api.items(f"{cluster.path}/resourcequotas")
    fine = True
    for quota in quotas:
        name, used = str(quota["metadata"]["name"]), _amounts((quota.get("status") or {}).get("used"))
        for resource, most in _hard(quota).items():
            wants = {stage: _counted(placement).get(resource, Decimal(0)) for stage, placement in placements.items()}
            largest = max(wants, key=lambda stage: wants[stage])
            left = most - used.get(resource, Decimal(0))
            if wants[largest] > most:
                seen = f"{name} allows {_plain(most)} of {resource}, and {largest} wants {_plain(wants[largest])}"
                yield failed("quota", seen, "Raise the quota, or choose a smaller profile with --profile.")
                fine = False
            elif wants[largest] > left:
                seen = f"{name} has {_plain(left)} of {resource} left, and {largest} wants {_plain(wants[largest])}"
                yield warned("quota", seen, "Its pod waits for others to end. Raise the quota, or end what uses it.")
                fine = False
    if fine:
        yield passed(
            "quota", f"{listed([q['metadata']['name'] for q in quotas])} has room" if quotas else "there is none"
        )


def check_limits(cluster: Cluster) -> Iterator[CheckResult]:
    """Whether limit ranges allow the stages' containers, and give the containers of the engine what quotas ask for."""
    ranges = [
        each
        for found in cluster.api.items(f"{cluster.path}/limitranges")
        for each in (found.get("spec") or {}).get("limits") or []
        if each.get("type") == "Container"
    ]
    fine = True
    for stage in CYCLE.stages:
        placement = cluster.profile.stages[stage.name]
        for wrong in dict.fromkeys(wrong for each in ranges for wrong in _outside(each, placement)):
            yield failed("limits", f"{stage.name} {wrong}", "Change the LimitRange, or the profile with --profile.")
            fine = False
    lacking = sorted(_asked_by_quotas(cluster) - {name for each in ranges for name in _defaults(each)})
    if lacking:
        seen = f"a quota asks every container for {listed(lacking)}, and those that the engine adds name none"
        yield failed("limits", seen, "Apply overlays/argo/container-defaults.yaml of the manifests, a LimitRange.")
    elif fine:
        yield passed("limits", "stages are within the limit ranges" if ranges else "there are none")


def _hard(quota: Json) -> dict[str, Decimal]:
    """What a quota allows; its status says so only once a controller has seen it."""
    return _amounts((quota.get("spec") or {}).get("hard"))


def _amounts(told: Json | None) -> dict[str, Decimal]:
    """Quantities by resource, `cpu` and `memory` under their full names."""
    short = {"cpu": "requests.cpu", "memory": "requests.memory"}
    return {short.get(name, name): Decimal(parse_quantity(value)) for name, value in (told or {}).items()}


def _counted(placement: Placement) -> dict[str, Decimal]:
    """What a quota counts of one pod."""
    counted: dict[str, Any] = {
        "pods": 1,
        "requests.cpu": placement.cpu,
        "requests.memory": placement.memory,
        "limits.cpu": placement.cpu_limit,
        "limits.memory": placement.memory_limit,
    }
    if placement.accelerator is not None:
        counted[f"requests.{placement.accelerator.resource}"] = placement.accelerator.count
    return {name: Decimal(parse_quantity(value)) for name, value in counted.items()}


def _outside(limits: Json, placement: Placement) -> Iterator[str]:
    asked = {"cpu": (placement.cpu, placement.cpu_limit), "memory": (placement.memory, placement.memory_limit)}
    for resource, (request, limit) in asked.items():
        most, least = (limits.get("max") or {}).get(resource), (limits.get("min") or {}).get(resource)
        if most is not None and parse_quantity(limit) > parse_quantity(most):
            yield f"has a limit of {limit} of {resource}, and {most} is the most"
        if least is not None and parse_quantity(request) < parse_quantity(least):
            yield f"asks for {request} of {resource}, and {least} is the least"


def _asked_by_quotas(cluster: Cluster) -> set[str]:
    """Of which processor and memory quotas want every container to name requests or limits."""
    quotas = cluster.api.items(f"{cluster.path}/resourcequotas")
    names = {name for quota in quotas for name in _hard(quota)}
    return names & {f"{kind}.{resource}" for kind in ("requests", "limits") for resource in ("cpu", "memory")}


def _defaults(limits: Json) -> set[str]:
    """What a limit range gives to containers that name nothing."""
    given = {"requests": limits.get("defaultRequest") or {}, "limits": limits.get("default") or {}}
    return {f"{kind}.{resource}" for kind, resources in given.items() for resource in resources}


def _plain(amount: Decimal) -> str:
    """An amount as people write it: memory in Gi."""
    gib = Decimal(1024**3)
    return f"{(amount / gib).normalize():f}Gi" if amount >= Decimal(1024**2) else f"{amount.normalize():f}"
