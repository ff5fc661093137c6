"""What the pods of the stages take in their namespace: secrets, settings, and the MLflow that these name.

Of secrets only the names of their keys are told, and whether a key is empty. Nothing that is in one is kept or shown.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from labelcycle.components.core.storage.s3_connection import s3_endpoint
from labelcycle.pipelines.cluster import LABELLING_KEYS, NOTIFICATION_SECRET, SETTINGS_KEYS, STORAGE_KEYS, TRACKING_KEYS
from labelcycle.pipelines.doctor.check_result import Check, CheckResult, failed, listed, passed, warned
from labelcycle.pipelines.doctor.namespace import Cluster

ROLES = ("eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id")
"""Annotations by which clouds give a service account their own rights."""

ENDPOINT, MLFLOW, LOG = "AWS_ENDPOINT_URL", "MLFLOW_TRACKING_URI", "LABELCYCLE_LOG"
LOGS = ("", "json", "text")


def pod_checks(cluster: Cluster) -> list[Check]:
    """What to look at of what the pods take."""
    return [
        Check("pods", "storage secret", lambda: check_storage(cluster)),
        Check("pods", "tracking secret", lambda: check_tracking(cluster)),
        Check("pods", "labelling secret", lambda: check_labelling(cluster)),
        Check("pods", "notification secret", lambda: check_notification(cluster)),
        Check("pods", "settings", lambda: check_settings(cluster)),
        Check("pods", "mlflow service", lambda: check_mlflow_service(cluster)),
    ]


def check_storage(cluster: Cluster) -> Iterator[CheckResult]:
    """Credentials of the object store; a role of the service account may stand in their place."""
    name = cluster.storage_secret
    there = _keys(cluster, "secrets", name)
    if there is not None:
        yield _whole("storage secret", name, there, STORAGE_KEYS, "stages cannot log in to the object store")
        return
    role = _role(cluster)
    if role:
        yield passed("storage secret", f"there is none, and {cluster.service_account} has the role {role}")
        return
    yield warned(
        "storage secret",
        f"there is no secret {name} in {cluster.namespace}",
        f"kubectl create secret generic {name} -n {cluster.namespace} --from-literal=AWS_ACCESS_KEY_ID=… "
        "--from-literal=AWS_SECRET_ACCESS_KEY=…; leave it out only where pods get their rights by a role.",
    )


def check_tracking(cluster: Cluster) -> Iterator[CheckResult]:
    """The log-in of MLflow, without which cycles are committed and not recorded."""
    name = cluster.tracking_secret
    there = _keys(cluster, "secrets", name)
    if there is None:
        yield warned(
            "tracking secret",
            f"there is no secret {name} in {cluster.namespace}: stages tell MLflow no log-in",
            f"kubectl create secret generic {name} -n {cluster.namespace} --from-literal=MLFLOW_TRACKING_USERNAME=… "
            "--from-literal=MLFLOW_TRACKING_PASSWORD=…; leave it out only where MLflow asks for none.",
        )
        return
    yield _whole("tracking secret", name, there, TRACKING_KEYS, "MLflow refuses such a log-in")


def check_labelling(cluster: Cluster) -> Iterator[CheckResult]:
    """The labelling tool's token, which only campaigns with a tool need."""
    name, (key,) = cluster.labelling_secret, LABELLING_KEYS
    there = _keys(cluster, "secrets", name)
    if there is not None:
        yield _whole("labelling secret", name, there, LABELLING_KEYS, "stages cannot log in to the labelling tool")
    elif cluster.tool:
        yield failed(
            "labelling secret",
            f"there is no secret {name} in {cluster.namespace}, and the campaign's labelling tool is {cluster.tool}",
            f"kubectl create secret generic {name} -n {cluster.namespace} --from-file={key}=FILE, with its token.",
        )
    else:
        yield passed("labelling secret", "there is none, and only campaigns with a labelling tool need it")


def check_notification(cluster: Cluster) -> Iterator[CheckResult]:
    """Where people are told; without it cycles go on, and nobody is."""
    there = _keys(cluster, "secrets", NOTIFICATION_SECRET) or {}
    lacking = [key for key in cluster.tells_by if not there.get(key)]
    if lacking:
        yield warned(
            "notification secret",
            f"the secret {NOTIFICATION_SECRET} in {cluster.namespace} lacks {listed(lacking)}: people are not told",
            f"kubectl create secret generic {NOTIFICATION_SECRET} -n {cluster.namespace} "
            + " ".join(f"--from-literal={key}=…" for key in cluster.tells_by),
        )
    elif cluster.tells_by:
        yield passed("notification secret", f"{NOTIFICATION_SECRET} has {listed(list(cluster.tells_by))}")
    else:
        yield passed("notification secret", "only campaigns with notify settings need one")


def check_settings(cluster: Cluster) -> Iterator[CheckResult]:
    """The addresses of object store and MLflow, as every stage has them."""
    name = cluster.settings_map
    values = _settings(cluster)
    if values is None:
        yield warned(
            "settings",
            f"there is no ConfigMap {name} in {cluster.namespace}: stages have no addresses",
            "Apply the overlay of the manifests; manifests/base/settings/settings.yaml shows what belongs into it.",
        )
        return
    missing = [key for key in SETTINGS_KEYS if key not in values]
    told = listed([f"{key}={values[key]}" for key in SETTINGS_KEYS if values.get(key)], most=len(SETTINGS_KEYS))
    yield passed("settings", f"{name}: {told}" + (f"; without {listed(missing)}" if missing else ""))
    yield from _wrong_settings(name, values)


def _settings(cluster: Cluster) -> dict[str, str] | None:
    """What is in the ConfigMap; None where there is none.

    Raises:
        Refused, Unreachable: no answer.
    """
    found = cluster.api.get(f"{cluster.path}/configmaps/{cluster.settings_map}")
    return None if found is None else {key: str(value) for key, value in (found.get("data") or {}).items()}


def _wrong_settings(name: str, values: dict[str, str]) -> Iterator[CheckResult]:
    for key in (ENDPOINT, MLFLOW):
        if values.get(key) and not re.match(r"https?://[^/]+", values[key]):
            yield failed(
                "settings", f"{key} in {name} is no address: {values[key]!r}", "Write it with http:// or https://."
            )
    if values.get(LOG, "") not in LOGS:
        yield failed("settings", f"{LOG} in {name} is {values[LOG]!r}", "Write json or text.")

    here = s3_endpoint()
    if here and here.rstrip("/") != values.get(ENDPOINT, "").rstrip("/"):
        there = values.get(ENDPOINT) or "Amazon S3"
        yield warned(
            "object store",
            f"stages use {there}, and this machine {here}",
            "See that both are the same object store; what was found out above about the root is about the second.",
        )


SERVICE = re.compile(r"(?P<name>[a-z][a-z0-9-]*)(\.(?P<namespace>[a-z0-9-]+)(?P<svc>\.svc(\.[a-z0-9.-]+)?)?)?")
"""How pods call a service: `mlflow`, `mlflow.labelcycle`, `mlflow.labelcycle.svc`."""


def check_mlflow_service(cluster: Cluster) -> Iterator[CheckResult]:
    """Whether the MLflow that stages are told of is a service of this cluster with pods behind it.

    It is not asked itself: only stages need reach it.
    """
    address = (_settings(cluster) or {}).get(MLFLOW, "")
    if not address:
        remedy = f"Set {MLFLOW} in {cluster.settings_map}, or do without."
        yield warned("mlflow service", "stages are told of no MLflow", remedy)
        return
    match = SERVICE.fullmatch(urlsplit(address).hostname or "")
    name, namespace = (match["name"], match["namespace"] or cluster.namespace) if match else ("", "")
    there = match is not None and cluster.api.get(f"/api/v1/namespaces/{namespace}/services/{name}") is not None
    if match is None or (not there and match["namespace"] and not match["svc"]):
        yield passed("mlflow service", f"{address} is outside the cluster, and not asked from here")
        return
    if not there:
        yield warned(
            "mlflow service",
            f"there is no service {name} in {namespace}",
            f"Apply the overlay of the manifests, or correct {MLFLOW} in {cluster.settings_map}.",
        )
        return
    slices = cluster.api.items(
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
        labelSelector=f"kubernetes.io/service-name={name}",
    )
    ready = sum(
        (end.get("conditions") or {}).get("ready") is not False for each in slices for end in each["endpoints"] or []
    )
    if ready:
        yield passed("mlflow service", f"{name} in {namespace} has {ready} pods that are ready")
    else:
        yield warned(
            "mlflow service",
            f"{name} in {namespace} has no pod that is ready",
            f"kubectl describe pods -n {namespace} -l app.kubernetes.io/name={name}",
        )


def _keys(cluster: Cluster, kind: str, name: str) -> dict[str, bool] | None:
    """The keys of a secret, and whether each has something in it; None where there is no such secret.

    Raises:
        Refused, Unreachable: no answer.
    """
    found = cluster.api.get(f"{cluster.path}/{kind}/{name}")
    return None if found is None else {key: bool(value) for key, value in (found.get("data") or {}).items()}


def _whole(check: str, name: str, there: dict[str, bool], wanted: tuple[str, ...], without: str) -> CheckResult:
    """Whether a secret has all keys that pods take."""
    lacking = [f"no {key}" if key not in there else f"an empty {key}" for key in wanted if not there.get(key)]
    if lacking:
        return failed(check, f"{name} has {listed(lacking)}: {without}", f"Create {name} anew with {listed(wanted)}.")
    return passed(check, f"{name} has {listed(wanted)}")


def _role(cluster: Cluster) -> str:
    """The cloud's role of the stages' service account, if it names one."""
    if not cluster.service_account:
        return ""
    found = cluster.api.get(f"{cluster.path}/serviceaccounts/{cluster.service_account}") or {}
    annotations = (found.get("metadata") or {}).get("annotations") or {}
    return next((str(annotations[name]) for name in ROLES if name in annotations), "")
