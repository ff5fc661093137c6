"""A cluster as the instructions of the manifests leave it, made of the manifests themselves."""

import base64
import copy
import datetime
import functools
from pathlib import Path
from typing import Any

import yaml

from labelcycle.pipelines.argo.files import rendered_files
from labelcycle.pipelines.argo.rendering import Rendering
from labelcycle.pipelines.profiles.profile import read_profile
from tests.pipelines.doctor.kubernetes_server import Cluster

MANIFESTS = Path(__file__).parents[3] / "manifests"
NAMESPACE, IMAGE = "labelcycle", "registry.example-company.io/labelcycle-python:0.1.0"
SECRET_VALUE = "value-that-nobody-may-see-81d3"
PLACES = {
    "Namespace": "/api/v1/namespaces",
    "LimitRange": f"/api/v1/namespaces/{NAMESPACE}/limitranges",
    "ConfigMap": f"/api/v1/namespaces/{NAMESPACE}/configmaps",
    "Service": f"/api/v1/namespaces/{NAMESPACE}/services",
    "ServiceAccount": f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts",
    "WorkflowTemplate": f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflowtemplates",
    "CronWorkflow": f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/cronworkflows",
    "EventBus": f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/eventbus",
    "EventSource": f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/eventsources",
    "Sensor": f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/sensors",
}
FILES = (
    "base/namespace.yaml",
    "base/settings/settings.yaml",
    "base/mlflow/service.yaml",
    "overlays/argo/stage-account.yaml",
    "overlays/argo/container-defaults.yaml",
)
SECRETS = {
    "labelcycle-storage": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "labelcycle-tracking": ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
}
KINDS = ("workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults")
TEMPLATE = f"{PLACES['WorkflowTemplate']}/labelcycle-cycle"
SETTINGS = f"{PLACES['ConfigMap']}/labelcycle-settings"
CONTROLLER = "/apis/apps/v1/namespaces/argo/deployments/workflow-controller"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/argo/leases/workflow-controller"


def with_argo(profile: str = "small", root: str = "s3://labels/digits", events: bool = False) -> Cluster:
    """What `kubectl apply -k` of the overlay for Argo leaves, with two nodes."""
    return Cluster(copy.deepcopy(_objects(profile, root, events)))


@functools.cache
def _objects(profile: str, root: str, events: bool) -> dict[str, Any]:
    rendered = rendered_files(Rendering(read_profile(profile), image=IMAGE, root=root))
    texts = [(MANIFESTS / name).read_text() for name in FILES]
    texts += [content for name, content in rendered.items() if name.startswith("workflows/")]
    if events:
        texts += [content for name, content in rendered.items() if name.startswith("workflows-on-labels/")]
        texts.append((MANIFESTS / "events/event-bus.yaml").read_text())
    objects: dict[str, Any] = {}
    for document in (each for text in texts for each in yaml.safe_load_all(text)):
        if document["kind"] in PLACES:
            objects[f"{PLACES[document['kind']]}/{document['metadata']['name']}"] = document
    secrets = SECRETS | ({"labelcycle-on-labels": ("token",)} if events else {})
    for name, keys in secrets.items():
        objects[f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}"] = secret(name, *keys)
    kinds = (*KINDS, "eventbus", "eventsources", "sensors") if events else KINDS
    return objects | {
        "/version": {"gitVersion": "v1.34.4"},
        "/apis/argoproj.io/v1alpha1": {"resources": [{"name": name} for name in (*kinds, "workflows/finalizers")]},
        CONTROLLER: controller("argo", "quay.io/argoproj/workflow-controller:v4.0.5"),
        LEASE: lease(datetime.datetime.now(datetime.UTC)),
        f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices/mlflow-1": {
            "metadata": {"name": "mlflow-1", "labels": {"kubernetes.io/service-name": "mlflow"}},
            "endpoints": [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}],
        },
        **{f"/api/v1/nodes/{name}": node(name) for name in ("one", "two", "three")},
    }


def secret(name: str, *keys: str) -> dict[str, Any]:
    """A secret with something in each key."""
    return {"metadata": {"name": name}, "data": {key: base64.b64encode(SECRET_VALUE.encode()).decode() for key in keys}}


def node(name: str, **allocatable: str) -> dict[str, Any]:
    """A node of two processors and eight GiB that takes pods."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "1930m", "memory": "7750012Ki", "pods": "110"} | allocatable,
            "conditions": [{"type": "Ready", "status": "True"}],
            "images": [],
        },
    }


def controller(namespace: str, image: str, *words: str) -> dict[str, Any]:
    """The Deployment of Argo's controller."""
    container = {"name": "workflow-controller", "image": image, "command": ["workflow-controller"], "args": list(words)}
    return {
        "metadata": {"name": "workflow-controller", "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": {"availableReplicas": 1},
    }


def lease(renewed: datetime.datetime) -> dict[str, Any]:
    """What the controller that leads renews every few seconds."""
    return {
        "metadata": {"name": "workflow-controller", "namespace": "argo"},
        "spec": {"renewTime": renewed.isoformat().replace("+00:00", "Z")},
    }
