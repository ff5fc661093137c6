"""The select stage as a Kubeflow Pipelines component."""

from kfp import dsl

from labelcycle.components.core.runtime.kfp_component import stage


@stage
def select(root: str, cycle: int, attempt: str, query: dsl.Output[dsl.Dataset], shards: int = 1) -> int:
    """Choose the next images to label. Returns how many were chosen."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.components.select.stage import run

    chosen = with_retries(run)(root=root, cycle=cycle, attempt=attempt, shards=shards, query=query.path)
    query.metadata.update(chosen.as_metadata())
    return chosen.size
