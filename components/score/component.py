"""The score stage as a Kubeflow Pipelines component."""

from labelcycle.components.core.runtime.kfp_component import stage


@stage
def score(root: str, cycle: int, attempt: str, shard: int = 0, shards: int = 1) -> int:
    """Ask the current model about one shard of the unlabelled pool. Returns how many samples were scored."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.components.score.stage import run

    return with_retries(run)(root=root, cycle=cycle, attempt=attempt, shard=shard, shards=shards).scored
