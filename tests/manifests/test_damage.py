"""Every rule finds what breaks it: one thing is damaged in the objects of an overlay, and the rule must say so."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.manifests.inventory import of_kind, pods
from tests.manifests.kustomizations import Object, render
from tests.manifests.rules import access, containers, network, references
from tests.manifests.rules.all_rules import RULES, Rule

Damage = Callable[[list[Object]], None]


def one(objects: list[Object], kind: str, name: str) -> Object:
    """The object of this kind whose name begins so."""
    return next(given for given in of_kind(objects, kind) if given["metadata"]["name"].startswith(name))


def mlflow(objects: list[Object]) -> dict[str, Any]:
    """The pod of MLflow."""
    spec: dict[str, Any] = one(objects, "Deployment", "mlflow")["spec"]["template"]["spec"]
    return spec


def server(objects: list[Object]) -> dict[str, Any]:
    """The container of MLflow's server."""
    container: dict[str, Any] = mlflow(objects)["containers"][0]
    return container


def stage(objects: list[Object]) -> dict[str, Any]:
    """The container of a stage in Argo's template of a cycle."""
    template = one(objects, "WorkflowTemplate", "labelcycle-cycle")
    container: dict[str, Any] = next(given for given in template["spec"]["templates"] if "container" in given)[
        "container"
    ]
    return container


def policy(objects: list[Object], name: str) -> dict[str, Any]:
    """What a network policy says."""
    spec: dict[str, Any] = one(objects, "NetworkPolicy", name)["spec"]
    return spec


def without(kind: str, name: str) -> Damage:
    """Take an object away."""
    return lambda objects: objects.remove(one(objects, kind, name))


def without_patch(name: str) -> Damage:
    """Take away what a workflow template lays over the pods of its workflows."""
    return lambda objects: one(objects, "WorkflowTemplate", name)["spec"].pop("podSpecPatch")


def patched(**patch: Any) -> Damage:
    """Lay something else over the pods of a cycle's workflows."""
    return lambda objects: one(objects, "WorkflowTemplate", "labelcycle-cycle")["spec"].update(
        podSpecPatch=json.dumps(patch)
    )


def variable(objects: list[Object], name: str) -> dict[str, Any]:
    """An environment variable of MLflow's server."""
    found: dict[str, Any] = next(given for given in server(objects)["env"] if given["name"] == name)
    return found


def secret(objects: list[Object]) -> None:
    content = {"AWS_SECRET_ACCESS_KEY": "bm90IGEgc2VjcmV0"}
    metadata = {"name": "labelcycle-storage", "namespace": "labelcycle"}
    objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": content})


DAMAGES: list[tuple[Rule, str, Damage]] = [
    (containers.resources_named, "no limits", lambda all_: server(all_)["resources"].pop("limits")),
    (containers.resources_named, "no memory", lambda all_: server(all_)["resources"]["requests"].pop("memory")),
    (containers.resources_named, "first container", lambda all_: mlflow(all_)["initContainers"][0].pop("resources")),
    (containers.resources_named, "stage", lambda all_: stage(all_)["resources"].pop("requests")),
    (containers.restricted, "root allowed", lambda all_: mlflow(all_)["securityContext"].pop("runAsNonRoot")),
    (containers.restricted, "root", lambda all_: mlflow(all_)["securityContext"].update(runAsUser=0)),
    (containers.restricted, "seccomp", lambda all_: mlflow(all_)["securityContext"].pop("seccompProfile")),
    (containers.restricted, "capabilities", lambda all_: server(all_)["securityContext"].pop("capabilities")),
    (
        containers.restricted,
        "one added",
        lambda all_: server(all_)["securityContext"]["capabilities"].update(add=["CHOWN"]),
    ),
    (containers.restricted, "privileges", lambda all_: server(all_)["securityContext"].pop("allowPrivilegeEscalation")),
    (containers.restricted, "network", lambda all_: mlflow(all_).update(hostNetwork=True)),
    (
        containers.restricted,
        "node",
        lambda all_: mlflow(all_)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    ),
    *[
        (containers.restricted, f"what Argo adds, in {name}", without_patch(name))
        for name in ("labelcycle-cycle", "labelcycle-campaign")
    ],
    (containers.resources_named, "what Argo adds", without("LimitRange", "container-defaults")),
    (containers.images_fixed, "what Argo does not add", patched(containers=[{"name": "waits"}])),
    (containers.root_read_only, "what Argo adds", patched(initContainers=[{"name": "init", "securityContext": {}}])),
    (containers.restricted, "stage", lambda all_: stage(all_)["securityContext"].pop("capabilities")),
    (containers.images_fixed, "latest", lambda all_: server(all_).update(image="ghcr.io/mlflow/mlflow:latest")),
    (
        containers.images_fixed,
        "latest full",
        lambda all_: server(all_).update(image="ghcr.io/mlflow/mlflow:latest-full"),
    ),
    (containers.images_fixed, "no tag", lambda all_: server(all_).update(image="registry:5000/mlflow")),
    (containers.root_read_only, "root", lambda all_: server(all_)["securityContext"].pop("readOnlyRootFilesystem")),
    (
        containers.namespaces_enforce,
        "baseline",
        lambda all_: one(all_, "Namespace", "labelcycle")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
    ),
    (
        containers.namespaces_enforce,
        "any version",
        lambda all_: one(all_, "Namespace", "labelcycle")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce-version": "latest"}
        ),
    ),
    (
        references.references_exist,
        "secret",
        lambda all_: variable(all_, "PGPASSWORD")["valueFrom"]["secretKeyRef"].update(name="mlflow-databases"),
    ),
    (
        references.references_exist,
        "key",
        lambda all_: variable(all_, "PGPASSWORD")["valueFrom"]["secretKeyRef"].update(key="password"),
    ),
    (
        references.references_exist,
        "key of a ConfigMap",
        lambda all_: one(all_, "ConfigMap", "labelcycle-settings")["data"].pop("AWS_ENDPOINT_URL"),
    ),
    (references.references_exist, "ConfigMap", without("ConfigMap", "labelcycle-settings")),
    (references.references_exist, "all of a ConfigMap", without("ConfigMap", "mlflow-settings")),
    (references.references_exist, "volume", without("ConfigMap", "mlflow-authentication")),
    (references.no_secret_values, "secret", secret),
    (
        references.no_secret_values,
        "variable",
        lambda all_: server(all_)["env"].append({"name": "MLFLOW_AUTH_ADMIN_PASSWORD", "value": "open sesame"}),
    ),
    (
        references.no_secret_values,
        "ConfigMap",
        lambda all_: one(all_, "ConfigMap", "labelcycle-settings")["data"].update(AWS_SECRET_ACCESS_KEY="x"),
    ),
    (references.accounts_exist, "of a pod", lambda all_: mlflow(all_).update(serviceAccountName="mlflows")),
    (references.accounts_exist, "of stages", without("ServiceAccount", "labelcycle-stage")),
    (references.accounts_exist, "of the sensor", without("ServiceAccount", "labelcycle-on-labels")),
    (references.accounts_used, "of MLflow", lambda all_: mlflow(all_).pop("serviceAccountName")),
    (
        references.pods_without_account_have_no_token,
        "token",
        lambda all_: mlflow(all_).pop("automountServiceAccountToken"),
    ),
    (
        references.services_select,
        "pods",
        lambda all_: one(all_, "Service", "mlflow")["spec"].update(selector={"app.kubernetes.io/name": "mflow"}),
    ),
    (
        references.services_select,
        "port",
        lambda all_: one(all_, "Service", "mlflow")["spec"]["ports"][0].update(targetPort="web"),
    ),
    (
        references.budgets_select,
        "pods",
        lambda all_: one(all_, "PodDisruptionBudget", "mlflow")["spec"]["selector"]["matchLabels"].update(app="mlflow"),
    ),
    (
        references.budgets_select,
        "no drain",
        lambda all_: one(all_, "PodDisruptionBudget", "mlflow")["spec"].update(maxUnavailable=0),
    ),
    (
        network.policies_select,
        "stages",
        lambda all_: policy(all_, "stages-to-mlflow")["podSelector"]["matchExpressions"][0].update(key="workflow"),
    ),
    (
        network.policies_select,
        "elsewhere",
        lambda all_: one(all_, "NetworkPolicy", "dns")["metadata"].update(namespace="x"),
    ),
    (network.denied_by_default, "gone", without("NetworkPolicy", "default-deny")),
    (network.denied_by_default, "one way", lambda all_: policy(all_, "default-deny")["policyTypes"].remove("Egress")),
    (network.denied_by_default, "a hole", lambda all_: policy(all_, "default-deny").update(egress=[{}])),
    (network.peers_named, "anyone", lambda all_: policy(all_, "mlflow-from-stages")["ingress"][0].pop("from")),
    (network.peers_named, "any port", lambda all_: policy(all_, "mlflow-from-stages")["ingress"][0].pop("ports")),
    (
        network.peers_named,
        "metadata",
        lambda all_: policy(all_, "stages-to-object-store")["egress"][0]["to"][0]["ipBlock"].pop("except"),
    ),
    (network.flows_open_at_both_ends, "no way in", without("NetworkPolicy", "mlflow-from-stages")),
    (network.flows_open_at_both_ends, "no way out", without("NetworkPolicy", "stages-to-mlflow")),
    (
        network.flows_open_at_both_ends,
        "port",
        lambda all_: policy(all_, "event-bus")["ingress"][1]["ports"][0].update(port=4223),
    ),
    (
        access.no_wildcards,
        "verbs",
        lambda all_: one(all_, "Role", "labelcycle-executor")["rules"][0].update(verbs=["*"]),
    ),
    (access.no_wildcards, "cluster", lambda all_: one(all_, "Role", "labelcycle-executor").update(kind="ClusterRole")),
    (
        access.rights_listed,
        "verb",
        lambda all_: one(all_, "Role", "labelcycle-executor")["rules"][0]["verbs"].append("delete"),
    ),
    (
        access.rights_listed,
        "resource",
        lambda all_: one(all_, "Role", "labelcycle-on-labels")["rules"][0]["resources"].append("secrets"),
    ),
    (
        access.rights_listed,
        "account",
        lambda all_: one(all_, "RoleBinding", "labelcycle-executor")["subjects"].append(
            {"kind": "ServiceAccount", "name": "mlflow"}
        ),
    ),
    (access.rights_listed, "role", without("Role", "labelcycle-executor")),
    (access.rights_listed, "unbound", without("RoleBinding", "labelcycle-executor")),
]


@pytest.mark.parametrize(
    ("rule", "damage"), [pytest.param(rule, damage, id=f"{rule.__name__}: {what}") for rule, what, damage in DAMAGES]
)
def test_rule_finds_damage(rule: Rule, damage: Damage) -> None:
    objects = render("argo-events")
    assert rule(objects) == []
    damage(objects)
    assert rule(objects) != []


def test_every_rule_has_a_damage() -> None:
    assert {rule.__name__ for rule, _, _ in DAMAGES} == {rule.__name__ for rule in RULES}


def test_stages_are_among_the_pods() -> None:
    owners = [pod.owner for pod in pods(render("argo-events"))]
    assert any("template publish" in owner for owner in owners)
    assert "Deployment mlflow" in owners


def test_a_tool_that_the_event_source_does_not_let_in_is_found() -> None:
    objects = render("dev-events")
    policy(objects, "labelcycle-on-labels-event-source")["ingress"][0]["ports"][0]["port"] = 12001
    assert len(network.flows_open_at_both_ends(objects)) == 1


def test_runs_of_kubeflow_reach_mlflow_by_two_policies() -> None:
    objects = render("kubeflow")
    without("NetworkPolicy", "mlflow-from-runs")(objects)
    assert len(network.flows_open_at_both_ends(objects)) == 1


def test_a_namespace_that_is_renamed_in_one_place_is_found() -> None:
    objects = render("kubeflow")
    for given in objects:
        if given["metadata"].get("namespace") == "labelcycle-runs":
            given["metadata"]["namespace"] = "ours"
    assert network.policies_select(objects) != []
