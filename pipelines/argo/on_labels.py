"""A cycle when labels arrive: an Argo Events source that takes a call, and a sensor that starts a workflow on it.

hera's models of events differ from what Argo Events reads in two places: there the settings of a webhook lie flat in
its entry, and a trigger's resource is any object. Both are put in as Argo Events has them.
"""

from typing import Any

from hera.events.models.github.com.argoproj.argo_events.pkg.apis.events import v1alpha1 as events
from hera.events.models.io.k8s.api.core.v1 import (
    Capabilities,
    PodSecurityContext,
    SeccompProfile,
    SecretKeySelector,
    SecurityContext,
    ServicePort,
)
from hera.events.models.io.k8s.apimachinery.pkg.apis.meta.v1 import ObjectMeta

from labelcycle.pipelines.argo.pod import labels
from labelcycle.pipelines.argo.rendering import CYCLE, Manifest, Rendering

ON_LABELS = "labelcycle-on-labels"
"""The event source, the sensor, its service account, and the secret with the token of callers."""

EVENT = "labels"
PORT = 12000
STARTS_A_MINUTE = 1
"""A labelling tool calls for every answer, and each start looks at all answers there are, so that few are enough."""

_KIND = "argoproj.io/v1alpha1"


def event_source() -> Manifest:
    """The event source: `POST /labels` with the bearer token of the secret says that labels have arrived."""
    webhook = events.WebhookContext(
        port=str(PORT),
        endpoint=f"/{EVENT}",
        method="POST",
        auth_secret=SecretKeySelector(name=ON_LABELS, key="token"),
    )
    spec = events.EventSourceSpec(
        service=events.Service(ports=[ServicePort(name="http", port=PORT)]),
        template=_pod("event-source"),
    )
    return _manifest("EventSource", spec, "event-source") | {
        "spec": _plain(spec) | {"webhook": {EVENT: _plain(webhook)}}
    }


def sensor(rendering: Rendering) -> Manifest:
    """The sensor: it creates a workflow of the cycle's template. Nothing of the call's content goes into it."""
    trigger = events.TriggerTemplate(name="cycle", k8s=events.StandardK8STrigger(operation="create"))
    spec = events.SensorSpec(
        dependencies=[events.EventDependency(name=EVENT, event_source_name=ON_LABELS, event_name=EVENT)],
        triggers=[
            events.Trigger(
                template=trigger,
                at_least_once=True,  # one start too many does no harm
                retry_strategy=events.Backoff(steps=5),
                rate_limit=events.RateLimit(unit="Minute", requests_per_unit=STARTS_A_MINUTE),
            )
        ],
        template=_pod("sensor", service_account_name=ON_LABELS),
    )
    manifest = _manifest("Sensor", spec, "sensor")
    manifest["spec"]["triggers"][0]["template"]["k8s"]["source"] = {"resource": _workflow(rendering)}
    return manifest


def _workflow(rendering: Rendering) -> Manifest:
    return {
        "apiVersion": _KIND,
        "kind": "Workflow",
        "metadata": {"generateName": f"{CYCLE}-"},
        "spec": {
            "workflowTemplateRef": {"name": CYCLE},
            "arguments": {"parameters": [{"name": "root", "value": rendering.root}]},
        },
    }


def _manifest(kind: str, spec: Any, component: str) -> Manifest:
    metadata = ObjectMeta(name=ON_LABELS, labels=labels(component))
    return {"apiVersion": _KIND, "kind": kind, "metadata": _plain(metadata), "spec": _plain(spec)}


def _pod(component: str, service_account_name: str | None = None) -> events.Template:
    """Argo Events' own pods, with the rights that the pod security standard `restricted` allows."""
    return events.Template(
        metadata=events.Metadata(labels=labels(component)),
        service_account_name=service_account_name,
        security_context=PodSecurityContext(
            run_as_non_root=True, seccomp_profile=SeccompProfile(type="RuntimeDefault")
        ),
        container=events.Container(
            security_context=SecurityContext(
                run_as_non_root=True,
                allow_privilege_escalation=False,
                capabilities=Capabilities(drop=["ALL"]),
            )
        ),
    )


def _plain(model: Any) -> Manifest:
    plain: Manifest = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return plain
