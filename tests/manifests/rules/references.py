"""What an object names has to be there: secrets, ConfigMaps and their keys, service accounts, pods of services."""

from collections.abc import Iterator
from typing import Any

from labelcycle.pipelines.cluster import (
    LABELLING_KEYS,
    LABELLING_SECRET,
    NOTIFICATION_KEYS,
    NOTIFICATION_SECRET,
    PRUNING_SECRET,
    STORAGE_KEYS,
    STORAGE_SECRET,
    TRACKING_KEYS,
    TRACKING_SECRET,
)
from tests.manifests.inventory import called, namespace_of, of_kind, pods, selects
from tests.manifests.kustomizations import Object

OUTSIDE_SECRETS: dict[str, tuple[str, ...]] = {
    STORAGE_SECRET: STORAGE_KEYS,
    PRUNING_SECRET: STORAGE_KEYS,
    TRACKING_SECRET: TRACKING_KEYS,
    LABELLING_SECRET: LABELLING_KEYS,
    NOTIFICATION_SECRET: NOTIFICATION_KEYS,
    "mlflow-storage": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "mlflow-database": ("PGPASSWORD",),
    "mlflow-administrator": (
        "MLFLOW_AUTH_ADMIN_USERNAME",
        "MLFLOW_AUTH_ADMIN_PASSWORD",
        "MLFLOW_FLASK_SERVER_SECRET_KEY",
    ),
    "database-administrator": ("POSTGRES_PASSWORD",),
    "object-store-administrator": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "object-store-identities": ("identities.json",),
    "label-studio": ("LABEL_STUDIO_USERNAME", "LABEL_STUDIO_PASSWORD"),
    "labelcycle-on-labels": ("token",),
}
"""Secrets and their keys that the reader of manifests/README.md creates."""

HOLDS_A_SECRET = ("PASSWORD", "SECRET", "ACCESS_KEY", "TOKEN", "CREDENTIAL")


def _given(name: str, parameters: dict[str, str]) -> str:
    """A name, or what a parameter of a workflow that stands for it is unless someone says otherwise."""
    prefix, suffix = "{{workflow.parameters.", "}}"
    return parameters[name[len(prefix) : -len(suffix)]] if name.startswith(prefix) else name


def _references(objects: list[Object]) -> Iterator[tuple[str, str, str, str, str | None]]:
    """Of every reference: where it is, its namespace, `Secret` or `ConfigMap`, the name, and the key, None for all."""
    for pod in pods(objects):
        given = pod.spec.get("arguments", {}).get("parameters", [])
        parameters = {parameter["name"]: parameter.get("value", "") for parameter in given}
        for container in pod.containers:
            where = f"{pod.owner}, container {container.get('name', 'main')}"
            for kind, name, key in _of_container(container):
                yield where, pod.namespace, kind, _given(name, parameters), key
        for volume in pod.spec.get("volumes", []):
            if "secret" in volume:
                yield f"{pod.owner}, volume", pod.namespace, "Secret", volume["secret"]["secretName"], None
            if "configMap" in volume:
                yield f"{pod.owner}, volume", pod.namespace, "ConfigMap", volume["configMap"]["name"], None


def _of_container(container: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    for source in container.get("envFrom", []):
        for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if field in source:
                yield kind, source[field]["name"], None
    for variable in container.get("env", []):
        for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            if field in variable.get("valueFrom", {}):
                reference = variable["valueFrom"][field]
                yield kind, reference["name"], reference["key"]


def references_exist(objects: list[Object]) -> list[str]:
    """Every secret is one that the reader creates, every ConfigMap one of the overlay, and each has the key."""
    maps = {(namespace_of(given), given["metadata"]["name"]): given for given in of_kind(objects, "ConfigMap")}
    found = []
    for where, namespace, kind, name, key in _references(objects):
        if kind == "Secret":
            keys = OUTSIDE_SECRETS.get(name)
        else:
            keys = tuple(maps[namespace, name]["data"]) if (namespace, name) in maps else None
        if keys is None:
            found.append(f"{where}: there is no {kind} {name} in {namespace}")
        elif key is not None and key not in keys:
            found.append(f"{where}: {kind} {name} has no {key}")
    return found


def no_secret_values(objects: list[Object]) -> list[str]:
    """No object is a secret with content, and no environment variable or ConfigMap holds what should be one."""
    found = [f"{called(given)} is a secret in the repository" for given in of_kind(objects, "Secret")]
    for given in of_kind(objects, "ConfigMap"):
        found += [f"{called(given)} holds {key}" for key in given.get("data", {}) if _secret(key)]
    for pod in pods(objects):
        for container in pod.containers:
            for variable in container.get("env", []):
                if _secret(variable["name"]) and "secretKeyRef" not in variable.get("valueFrom", {}):
                    found.append(f"{pod.owner} has {variable['name']} in the open")
    return found


def _secret(name: str) -> bool:
    return any(word in name.upper() for word in HOLDS_A_SECRET)


def accounts_exist(objects: list[Object]) -> list[str]:
    """Every service account that a pod runs as, or that rights are bound to, is one of the overlay."""
    accounts = {(namespace_of(given), given["metadata"]["name"]) for given in of_kind(objects, "ServiceAccount")}
    wanted = [(pod.owner, pod.namespace, pod.account) for pod in pods(objects) if pod.account is not None]
    for given in of_kind(objects, "Sensor", "EventSource"):
        account = given["spec"].get("template", {}).get("serviceAccountName")
        wanted += [(called(given), namespace_of(given), account)] if account else []
    for given in of_kind(objects, "RoleBinding"):
        for subject in given["subjects"]:
            wanted.append((called(given), subject.get("namespace", namespace_of(given)), subject["name"]))
    return [f"{where}: there is no account {name}" for where, space, name in wanted if (space, name) not in accounts]


def accounts_used(objects: list[Object]) -> list[str]:
    """Every service account is there for a pod, or for rights that are bound to it."""
    used = {pod.account for pod in pods(objects)}
    used |= {subject["name"] for given in of_kind(objects, "RoleBinding") for subject in given["subjects"]}
    return [f"{called(given)} is of no use" for given in of_kind(objects, "ServiceAccount") if _name(given) not in used]


def _name(given: Object) -> str:
    return str(given["metadata"]["name"])


def pods_without_account_have_no_token(objects: list[Object]) -> list[str]:
    """A pod without an account of its own, or whose account may do nothing, has no token for the Kubernetes API."""
    bound = {subject["name"] for given in of_kind(objects, "RoleBinding") for subject in given["subjects"]}
    return [
        f"{pod.owner} has a token that it does not need"
        for pod in pods(objects)
        if pod.account not in bound and pod.spec.get("automountServiceAccountToken") is not False
    ]


def services_select(objects: list[Object]) -> list[str]:
    """Every service selects pods that have the port."""
    found = []
    for given in of_kind(objects, "Service"):
        selected = [
            pod
            for pod in pods(objects)
            if pod.namespace == namespace_of(given) and selects({"matchLabels": given["spec"]["selector"]}, pod.labels)
        ]
        if not selected:
            found.append(f"{called(given)} selects no pod")
        for pod in selected:
            ports = [port for container in pod.containers for port in container.get("ports", [])]
            names = {port.get("name") for port in ports} | {port["containerPort"] for port in ports}
            for port in given["spec"]["ports"]:
                if port.get("targetPort", port["port"]) not in names:
                    found.append(f"{called(given)}: {pod.owner} has no port {port.get('targetPort')}")
    return found


def budgets_select(objects: list[Object]) -> list[str]:
    """Every disruption budget selects a workload, and lets a node be drained."""
    found = []
    for given in of_kind(objects, "PodDisruptionBudget"):
        selected = [
            workload
            for workload in of_kind(objects, "Deployment", "StatefulSet")
            if selects(given["spec"]["selector"], workload["spec"]["template"]["metadata"]["labels"])
        ]
        if not selected:
            found.append(f"{called(given)} selects no pod")
        for workload in selected:
            kept = given["spec"].get("minAvailable", 0)
            if given["spec"].get("maxUnavailable", 1) in (0, "0%") or kept >= workload["spec"].get("replicas", 1):
                found.append(f"{called(given)} lets no pod of {called(workload)} go")
    return found
