"""The label_ingest stage as a Kubeflow Pipelines component."""

from typing import NamedTuple

from labelcycle.components.core.runtime.kfp_component import stage


@stage
def label_ingest(
    root: str,
    labels_from: str = "",
    finalize: bool = False,
    shards: int = 1,
    compiled_shards: int = 0,
    features_stay: bool = False,
) -> NamedTuple(
    "Next",
    [
        ("decision", str),
        ("cycle", int),
        ("attempt", str),
        ("reason", str),
        ("shard_numbers", list[int]),
        ("Output", str),
    ],
):
    """Read new labels and decide what this run does: cold_start, train, wait or done. Counts the shards from 0."""
    from labelcycle.components.core.features.ordering import shard_numbers
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.components.label_ingest.package_limits import check_package
    from labelcycle.components.label_ingest.stage import run

    numbers = shard_numbers(shards)
    with_retries(check_package)(root, shards, compiled_shards, features_stay)
    ingested = with_retries(run)(root=root, labels_from=labels_from, finalize=finalize)
    return (ingested.decision, ingested.cycle, ingested.attempt, ingested.reason, numbers, ingested.decision)
