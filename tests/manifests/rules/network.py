"""What holds for the network: nothing is open but what a policy opens, and a flow within is opened at both ends."""

from itertools import product
from typing import Any

from tests.manifests.inventory import all_labels, called, namespace_of, of_kind, selects
from tests.manifests.kustomizations import Object

Peer = tuple[str, dict[str, str]]
"""Namespace and labels of a pod."""


def policies_select(objects: list[Object]) -> list[str]:
    """Every policy is about some pod."""
    there = all_labels(objects)
    return [
        f"{called(given)} is about no pod"
        for given in of_kind(objects, "NetworkPolicy")
        if not any(
            namespace == namespace_of(given) and selects(given["spec"]["podSelector"], labels)
            for namespace, labels in there
        )
    ]


def denied_by_default(objects: list[Object]) -> list[str]:
    """In every namespace a policy forbids all pods all traffic; in that of Kubeflow's runs, the pods of runs."""
    found = []
    runs = {"matchLabels": {"pipelines.kubeflow.org/v2_component": "true"}}
    for namespace in sorted({namespace_of(given) for given in objects} - {""}):
        wanted: dict[str, Any] = runs if namespace == "labelcycle-runs" else {}
        denying = [
            given
            for given in of_kind(objects, "NetworkPolicy")
            if namespace_of(given) == namespace
            and given["spec"]["podSelector"] == wanted
            and sorted(given["spec"].get("policyTypes", [])) == ["Egress", "Ingress"]
            and not given["spec"].get("ingress")
            and not given["spec"].get("egress")
        ]
        if not denying:
            found.append(f"namespace {namespace} is open by default")
    return found


def peers_named(objects: list[Object]) -> list[str]:
    """No rule is open to everyone, nor at every port, but to addresses outside, where metadata is left out."""
    found = []
    for given in of_kind(objects, "NetworkPolicy"):
        for direction, field in (("ingress", "from"), ("egress", "to")):
            for rule in given["spec"].get(direction, []):
                ports = {port.get("port") for port in rule.get("ports", [])}
                if not ports or None in ports:
                    found.append(f"{called(given)} opens every port")
                if not rule.get(field) and not ports <= {443, 6443}:
                    found.append(f"{called(given)} is open to everyone")
                for peer in rule.get(field, []):
                    block = peer.get("ipBlock")
                    if block and block["cidr"] == "0.0.0.0/0" and "169.254.0.0/16" not in block.get("except", []):
                        found.append(f"{called(given)} opens the cloud's metadata service")
    return found


def flows_open_at_both_ends(objects: list[Object]) -> list[str]:
    """What a pod may call lets it in, and what lets a pod in may be called by it: a flow needs a policy at each end.

    Left out are pods of others. What is open to a whole namespace lets its pods in, but none of them has to call.
    """
    ours = {namespace_of(given) for given in of_kind(objects, "NetworkPolicy")}
    there = [peer for peer in all_labels(objects) if peer[0] in ours]
    out, back = _flows(objects, there, "egress"), _flows(objects, there, "ingress")
    let_in = back | _flows(objects, there, "ingress", whole_namespaces=True)
    found = [f"{caller} may call {other} at {port}, which does not let it in" for caller, other, port in out - let_in]
    found += [f"{other} lets {caller} in at {port}, which may not call" for caller, other, port in back - out]
    return sorted(found)


def _flows(
    objects: list[Object], there: list[Peer], direction: str, whole_namespaces: bool = False
) -> set[tuple[str, str, int]]:
    """Caller, called and port of every flow that one end opens, to some pods or to all of a namespace."""
    field = "to" if direction == "egress" else "from"
    found = set()
    for given in of_kind(objects, "NetworkPolicy"):
        namespace = namespace_of(given)
        about = [peer for peer in there if peer[0] == namespace and selects(given["spec"]["podSelector"], peer[1])]
        for rule in given["spec"].get(direction, []):
            peers = [peer for peer in rule.get(field, []) if (peer.get("podSelector") == {}) == whole_namespaces]
            others = [other for peer in peers for other in there if _names(peer, namespace, other)]
            for own, other in product(about, others):
                caller, callee = (own, other) if direction == "egress" else (other, own)
                found |= {(str(caller), str(callee), port["port"]) for port in rule["ports"]}
    return found


def _names(peer: dict[str, Any], namespace: str, other: Peer) -> bool:
    if "podSelector" not in peer:
        return False
    space = peer.get("namespaceSelector")
    near = other[0] == namespace if space is None else selects(space, {"kubernetes.io/metadata.name": other[0]})
    return near and selects(peer["podSelector"], other[1])
