"""The evaluate stage as a Kubeflow Pipelines component."""

from kfp import dsl

from labelcycle.components.core.runtime.kfp_component import stage


@stage
def evaluate(root: str, cycle: int, attempt: str, metrics: dsl.Output[dsl.Metrics]) -> float:
    """Measure this cycle's model on the test set. Returns its accuracy."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.components.evaluate.stage import run

    evaluated = with_retries(run)(root=root, cycle=cycle, attempt=attempt)
    for name, value in evaluated.as_metadata().items():
        metrics.log_metric(name, value)
    return evaluated.accuracy
