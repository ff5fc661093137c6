"""The champion as an InferenceService of KServe: the project's image runs MLflow's own server of models.

It is a predictor with a container of its own. KServe's runtimes for MLflow's format bring other images, which lack the
libraries that the model needs. MLflow's server loads the model from the registry, wherever its artifacts are: KServe's
own download knows object stores, but no MLflow server in front of one.

Source: kserve/kserve, pkg/apis/serving/v1beta1 (PredictorSpec, ComponentExtensionSpec), 2026-08.
"""

import re
from typing import Any

import yaml

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.tracking.model_registry import CHAMPION, registered_name
from labelcycle.pipelines.cluster import (
    CUDA_SUFFIX,
    SETTINGS_KEYS,
    SETTINGS_MAP,
    STORAGE_KEYS,
    STORAGE_SECRET,
    TRACKING_KEYS,
    TRACKING_SECRET,
)
from labelcycle.pipelines.profiles.profile import Placement, Profile

PORT = 8080

SCRATCH = "/tmp"

SECONDS_TO_START = 900
"""What a pod may take to fetch its model and to load it, once its image is there."""

STAGE = "prediction_parts"
"""The stage of profiles whose pod has the same network to run."""

SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,44}[a-z0-9])?")
"""KServe makes longer names of it, which Kubernetes limits to 63 characters."""

NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def inference_service(
    campaign: Campaign,
    profile: Profile,
    image: str,
    namespace: str,
    name: str = "",
    version: int | None = None,
    replicas: tuple[int, int] = (1, 1),
) -> dict[str, Any]:
    """The manifest of the service.

    Args:
        campaign: whose champion is served.
        profile: says what a pod asks of the cluster, as for `prediction_parts`.
        image: with a tag; where the profile has a GPU the pod runs in the one whose tag ends in `-cuda`.
        namespace: of the service, which has the secrets and settings of stages.
        name: of the service; empty for one made of the campaign's name.
        version: of the registered model; None for whichever is champion when a pod starts.
        replicas: the fewest and the most pods.

    Raises:
        ConfigurationError: the name is none that KServe takes, the namespace none that Kubernetes takes, or the numbers
            of pods are none.
    """
    name = name or _name_of(campaign)
    if not SERVICE_NAME.fullmatch(name):
        raise ConfigurationError(
            f"The service cannot be called {name!r}: KServe takes a lower-case letter, then lower-case letters, digits "
            "and hyphens, 46 at most. Name it with --name."
        )
    least, most = replicas
    if not 0 <= least <= most or most < 1:
        raise ConfigurationError(f"From {least} to {most} pods cannot be. Correct --min-replicas and --max-replicas.")
    if not NAMESPACE.fullmatch(namespace):
        raise ConfigurationError(
            f"The namespace {namespace!r} is not a name that Kubernetes takes: lower-case letters, digits and hyphens, "
            "63 at most. Correct --namespace."
        )
    model = registered_name(campaign)
    uri = f"models:/{model}@{CHAMPION}" if version is None else f"models:/{model}/{version}"
    labels = {
        "app.kubernetes.io/name": "labelcycle",
        "app.kubernetes.io/component": "serve",
        "app.kubernetes.io/part-of": "labelcycle",
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "annotations": {"serving.kserve.io/deploymentMode": "RawDeployment"},
        },
        "spec": {
            "predictor": {
                "minReplicas": least,
                "maxReplicas": most,
                "timeout": 60,
                "labels": labels,
                **_pod(profile.stages[STAGE], image, uri),
            }
        },
    }


class _WithoutAliases(yaml.SafeDumper):
    """Writes what is there twice twice, since people edit manifests."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(manifest: dict[str, Any]) -> str:
    """The manifest as `kubectl apply` takes it."""
    text: str = yaml.dump(manifest, Dumper=_WithoutAliases, sort_keys=False, width=120)
    return text


def _name_of(campaign: Campaign) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", campaign.name.lower()).strip("-")
    return f"labelcycle-{plain}"[:46].rstrip("-")


def _pod(placement: Placement, image: str, uri: str) -> dict[str, Any]:
    """The pod: what Kubernetes' standard `restricted` asks for, and a root that is read-only."""
    selector = {"nodeSelector": dict(placement.node_selector)} if placement.node_selector else {}
    tolerations = [each.model_dump(exclude_none=True) for each in placement.tolerations]
    tolerations = [{key: value for key, value in each.items() if value != ""} for each in tolerations]
    volumes = [{"name": "scratch", "emptyDir": {}}]
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        **selector,
        **({"tolerations": tolerations} if tolerations else {}),
        "volumes": volumes,
        "containers": [_container(placement, image, uri)],
    }


def _container(placement: Placement, image: str, uri: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/ping", "port": PORT}}
    accelerator = placement.accelerator
    gpus = {} if accelerator is None else {accelerator.resource: str(accelerator.count)}
    return {
        "name": "kserve-container",
        "image": image + (CUDA_SUFFIX if accelerator is not None else ""),
        "command": ["mlflow", "models", "serve"],
        "args": [
            *("--model-uri", uri),
            *("--env-manager", "local"),
            *("--host", "0.0.0.0"),
            *("--port", str(PORT)),
            *("--workers", "1"),
        ],
        "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        "env": _environment(),
        "resources": {
            "requests": {"cpu": placement.cpu, "memory": placement.memory, **gpus},
            "limits": {"cpu": placement.cpu_limit, "memory": placement.memory_limit, **gpus},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "startupProbe": {**probe, "periodSeconds": 10, "failureThreshold": SECONDS_TO_START // 10},
        "readinessProbe": {**probe, "periodSeconds": 10},
        "livenessProbe": {**probe, "periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 4},
        "volumeMounts": [{"name": "scratch", "mountPath": SCRATCH}],
    }


def _environment() -> list[dict[str, Any]]:
    """Addresses and credentials by the names that MLflow knows; each is optional, as in pods of stages."""
    variables: list[dict[str, Any]] = [{"name": "HOME", "value": SCRATCH}]
    for key in SETTINGS_KEYS:
        if key.startswith(("AWS_", "MLFLOW_")):
            variables.append(_optional(key, "configMapKeyRef", SETTINGS_MAP))
    for secret, keys in ((STORAGE_SECRET, STORAGE_KEYS), (TRACKING_SECRET, TRACKING_KEYS)):
        variables += [_optional(key, "secretKeyRef", secret) for key in keys]
    return variables


def _optional(key: str, kind: str, name: str) -> dict[str, Any]:
    return {"name": key, "valueFrom": {kind: {"name": name, "key": key, "optional": True}}}
