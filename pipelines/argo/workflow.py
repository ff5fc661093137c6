"""What every workflow of labelcycle has in common, and the cron workflow of cycles, which never runs two at once."""

from typing import TypedDict

import yaml
from hera.workflows import CronWorkflow, Parameter, Step, Steps
from hera.workflows.models import (
    Arguments,
    LifecycleHook,
    PodGC,
    PodSecurityContext,
    SeccompProfile,
    TemplateRef,
    TTLStrategy,
    WorkflowMetadata,
    WorkflowTemplateRef,
)

from labelcycle.pipelines.argo.pod import labels
from labelcycle.pipelines.argo.rendering import CYCLE, Rendering
from labelcycle.pipelines.graph import slug

SERVICE_ACCOUNT = "labelcycle-stage"
"""What stages run as. Argo's executor reports outputs by it: it may create and patch workflowtaskresults."""

EXECUTOR_USER = 8737
"""Whom the image of Argo's executor has a home for; it names no user of its own, so that root would run it."""

ADDED_CONTAINERS = (("initContainers", "init"), ("containers", "wait"))
"""What Argo adds to each pod of a stage: the part of the pod's spec, and the container's name."""

FAILURE = "{{workflow.name}} ended as {{workflow.status}}; its failed pods say why"
"""What people are told of a workflow that failed."""


AFTER_A_FAILURE = "after-a-failure"
"""The template that runs a stage where its workflow has failed."""


def exit_hook(elsewhere: bool = False) -> dict[str, LifecycleHook]:
    """What runs when a workflow has ended: `AFTER_A_FAILURE`. Argo heeds no expression in a workflow's own exit hook.

    Args:
        elsewhere: whether the template is not in this workflow's, but in that of a cycle.
    """
    told = Arguments(parameters=[Parameter(name="failure", value=FAILURE).as_argument()])
    called = (
        {"template_ref": TemplateRef(name=CYCLE, template=AFTER_A_FAILURE)}
        if elsewhere
        else {"template": AFTER_A_FAILURE}
    )
    return {"exit": LifecycleHook(arguments=told, **called)}


def after_a_failure(rendering: Rendering) -> Steps:
    """The template that runs the graph's stage for failures; after a success it starts no pod."""
    stage = slug(rendering.graph.on_failure)
    told = Parameter(name="failure", value="{{inputs.parameters.failure}}")
    step = Step(name=stage, template=stage, arguments=[told], when="{{workflow.status}} != Succeeded")
    return Steps(name=AFTER_A_FAILURE, inputs=[Parameter(name="failure")], sub_steps=[step])


_DAY = 24 * 60 * 60


class WorkflowSettings(TypedDict):
    """Arguments of a `hera.workflows.WorkflowTemplate`."""

    service_account_name: str
    security_context: PodSecurityContext
    pod_spec_patch: str
    pod_gc: PodGC
    ttl_strategy: TTLStrategy
    workflow_metadata: WorkflowMetadata


def workflow_settings(component: str) -> WorkflowSettings:
    """What a workflow template is made with to say how its workflows run and when they are removed.

    Pods that did their work are deleted at once, pods that failed with their workflow, so that their logs can be read.

    Args:
        component: what the workflows are, for their label.
    """
    return {
        "service_account_name": SERVICE_ACCOUNT,
        "security_context": PodSecurityContext(
            run_as_non_root=True, seccomp_profile=SeccompProfile(type="RuntimeDefault")
        ),
        "pod_spec_patch": pod_spec_patch(),
        "pod_gc": PodGC(strategy="OnPodSuccess"),
        "ttl_strategy": TTLStrategy(seconds_after_success=3 * _DAY, seconds_after_failure=14 * _DAY),
        "workflow_metadata": WorkflowMetadata(labels=labels(component)),
    }


def pod_spec_patch() -> str:
    """What is laid over every pod: rights of the two containers that Argo adds to each, as `restricted` asks for them.

    Argo knows no other way to say so in a workflow: `init` and `wait` get what the controller's configuration says,
    which is nothing in its own installation. They write only to folders that Argo mounts.
    """
    patch = {part: [{"name": name, "securityContext": _executor_rights()}] for part, name in ADDED_CONTAINERS}
    return yaml.safe_dump(patch, sort_keys=False)


def _executor_rights() -> dict[str, object]:
    return {
        "runAsUser": EXECUTOR_USER,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


LATEST_START_SECONDS = 300
"""A start that the controller missed, because it was down, is made up for within this time and skipped after it."""

KEPT_WORKFLOWS = 3


class CronSettings(TypedDict):
    """Arguments of a `hera.workflows.CronWorkflow`."""

    api_version: str
    kind: str
    schedules: list[str]
    timezone: str
    concurrency_policy: str
    starting_deadline_seconds: int
    successful_jobs_history_limit: int
    failed_jobs_history_limit: int
    cron_suspend: bool


def cron_settings(cron: str, suspended: bool) -> CronSettings:
    """What a cron workflow is made with to say when it starts; never while one of its workflows still runs.

    Args:
        cron: minute, hour, day, month and weekday, UTC.
        suspended: whether it waits until somebody resumes it.
    """
    return {
        "api_version": "argoproj.io/v1alpha1",
        "kind": "CronWorkflow",
        "schedules": [cron],
        "timezone": "Etc/UTC",
        "concurrency_policy": "Forbid",
        "starting_deadline_seconds": LATEST_START_SECONDS,
        "successful_jobs_history_limit": KEPT_WORKFLOWS,
        "failed_jobs_history_limit": KEPT_WORKFLOWS,
        "cron_suspend": suspended,
    }


def schedule(rendering: Rendering) -> CronWorkflow:
    """The cron workflow that starts a cycle; where labels are awaited it ends after one pod."""
    return CronWorkflow(
        name=CYCLE,
        labels=labels("schedule"),
        workflow_template_ref=WorkflowTemplateRef(name=CYCLE),
        arguments=[Parameter(name="root", value=rendering.root)],
        **cron_settings(rendering.cron, rendering.suspended),
    )
