"""The notify stage as a Kubeflow Pipelines component."""

from labelcycle.components.core.runtime.kfp_component import stage


@stage
def notify(root: str, failure: str = "") -> bool:
    """Tell people of a cycle that failed. Returns whether somebody was told."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.components.notify.stage import run

    return with_retries(run)(root=root, failure=failure).told
