"""The embed stage as a Kubeflow Pipelines component."""

from labelcycle.components.core.runtime.kfp_component import stage


@stage
def embed(root: str, cycle: int, attempt: str, target: str, shard: int = 0, shards: int = 1) -> str:
    """Make sure that the base or tuned feature space holds what this cycle needs. Returns the space's name."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.components.embed.stage import run

    return with_retries(run)(root=root, cycle=cycle, attempt=attempt, target=target, shard=shard, shards=shards).space
