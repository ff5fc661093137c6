"""What every workflow of labelcycle has in common, whichever template it comes from."""

from typing import Any

from hera.workflows.models import PodGC, PodSecurityContext, SeccompProfile, TTLStrategy, WorkflowMetadata

from labelcycle.pipelines.argo.pod import labels

SERVICE_ACCOUNT = "labelcycle-stage"
"""What stages run as. Argo's executor reports outputs by it: it may create and patch workflowtaskresults."""

_DAY = 24 * 60 * 60


def workflow_settings(component: str) -> dict[str, Any]:
    """Arguments of a `hera.workflows.WorkflowTemplate` that say how its workflows run and when they are removed.

    Pods that did their work are deleted at once, pods that failed with their workflow, so that their logs can be read.

    Args:
        component: what the workflows are, for their label.
    """
    return {
        "service_account_name": SERVICE_ACCOUNT,
        "security_context": PodSecurityContext(
            run_as_non_root=True, seccomp_profile=SeccompProfile(type="RuntimeDefault")
        ),
        "pod_gc": PodGC(strategy="OnPodSuccess"),
        "ttl_strategy": TTLStrategy(seconds_after_success=3 * _DAY, seconds_after_failure=14 * _DAY),
        "workflow_metadata": WorkflowMetadata(labels=labels(component)),
    }
