"""The publish stage as a Kubeflow Pipelines component."""

from kfp import dsl

from labelcycle.components.core.runtime.kfp_component import stage


@stage
def publish(root: str, cycle: int, attempt: str, report: dsl.Output[dsl.HTML]) -> bool:
    """Commit the cycle, deliver its query and record it in MLflow. Returns whether this run made the commit."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.components.publish.mlflow_record import record_in_mlflow
    from labelcycle.components.publish.stage import run

    published = with_retries(run)(root=root, cycle=cycle, attempt=attempt, report=report.path)
    report.metadata.update(published.as_metadata())
    record_in_mlflow(root)
    return published.committed
