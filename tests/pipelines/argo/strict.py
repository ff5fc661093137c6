"""JSON schemas of Argo's kinds in which an unknown field is an error, made of hera's models."""

from typing import Any

from hera.events.models.github.com.argoproj.argo_events.pkg.apis.events import v1alpha1 as events
from hera.workflows.models import CronWorkflow, WorkflowTemplate

KINDS: dict[str, Any] = {
    "WorkflowTemplate": WorkflowTemplate,
    "CronWorkflow": CronWorkflow,
    "EventSource": events.EventSource,
    "Sensor": events.Sensor,
}


def strict_schema(kind: str) -> dict[str, Any]:
    """The schema of a kind.

    hera's models of events are corrected in two places where Argo Events' resources differ from them: a webhook's
    settings lie flat in its entry, and a trigger's resource is any object. They also lack apiVersion and kind.
    """
    schema: dict[str, Any] = KINDS[kind].model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    if "WebhookEventSource" in definitions:
        webhook = definitions["WebhookEventSource"]["properties"]
        webhook |= definitions["WebhookContext"]["properties"]
        del webhook["webhookContext"]
    _forbid_more(schema)
    if "K8SResource" in definitions:
        definitions["K8SResource"] = {"type": "object"}
    schema["properties"] |= {"apiVersion": {"const": "argoproj.io/v1alpha1"}, "kind": {"const": kind}}
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return schema


def _forbid_more(schema: Any) -> None:
    if isinstance(schema, list):
        for part in schema:
            _forbid_more(part)
    elif isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            schema["additionalProperties"] = False
        for part in schema.values():
            _forbid_more(part)
