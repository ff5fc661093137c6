"""The schedule of cycles: a cron workflow that never runs two at once."""

from hera.workflows import CronWorkflow, Parameter
from hera.workflows.models import WorkflowTemplateRef

from labelcycle.pipelines.argo.pod import labels
from labelcycle.pipelines.argo.rendering import CYCLE, Rendering

LATEST_START_SECONDS = 300
"""A start that the controller missed, because it was down, is made up for within this time and skipped after it."""

KEPT_WORKFLOWS = 3


def schedule(rendering: Rendering) -> CronWorkflow:
    """The cron workflow that starts a cycle; where labels are awaited it ends after one pod."""
    return CronWorkflow(
        api_version="argoproj.io/v1alpha1",
        kind="CronWorkflow",
        name=CYCLE,
        labels=labels("schedule"),
        schedules=[rendering.cron],
        timezone="Etc/UTC",
        concurrency_policy="Forbid",
        starting_deadline_seconds=LATEST_START_SECONDS,
        successful_jobs_history_limit=KEPT_WORKFLOWS,
        failed_jobs_history_limit=KEPT_WORKFLOWS,
        cron_suspend=rendering.suspended,
        workflow_template_ref=WorkflowTemplateRef(name=CYCLE),
        arguments=[Parameter(name="root", value=rendering.root)],
    )
