"""One cycle of active learning as one pipeline run."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from labelcycle.components.embed.component import embed
from labelcycle.components.evaluate.component import evaluate
from labelcycle.components.label_ingest.component import label_ingest
from labelcycle.components.publish.component import publish
from labelcycle.components.score.component import score
from labelcycle.components.select.component import select
from labelcycle.components.train_adapter.component import train_adapter
from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET
from labelcycle.pipelines.placing import PlacePod, unplaced


def cycle_pipeline(place: PlacePod = unplaced, shards: int = 1, shards_at_once: int = 2) -> Callable[..., Any]:
    """The pipeline of one cycle.

    Args:
        place: called with every task, to ask for what the task's pod needs.
        shards: parts that embed and score are split into where a run says nothing else.
        shards_at_once: how many of these parts run at a time; kfp.local never runs more than two.
    """

    @dsl.pipeline(name="labelcycle-embed", description="Make sure that a feature space holds what the cycle needs.")
    def embed_in_shards(
        root: str,
        cycle: int,
        attempt: str,
        target: str,
        shard_numbers: list[int],
        shards: int,
        storage_secret: str,
        settings_map: str,
    ) -> None:
        """Embed all shards. A pipeline of its own, because nothing outside a loop can wait for a task inside it."""
        with dsl.ParallelFor(shard_numbers, name="shards", parallelism=shards_at_once) as shard:
            task = embed(root=root, cycle=cycle, attempt=attempt, target=target, shard=shard, shards=shards)
            place(task, "embed", storage_secret=storage_secret, settings_map=settings_map)

    @dsl.pipeline(name="labelcycle-score", description="Ask the current model about the unlabelled pool.")
    def score_in_shards(
        root: str,
        cycle: int,
        attempt: str,
        shard_numbers: list[int],
        shards: int,
        storage_secret: str,
        settings_map: str,
    ) -> None:
        """Score all shards."""
        with dsl.ParallelFor(shard_numbers, name="shards", parallelism=shards_at_once) as shard:
            task = score(root=root, cycle=cycle, attempt=attempt, shard=shard, shards=shards)
            task.set_caching_options(False)
            place(task, "score", storage_secret=storage_secret, settings_map=settings_map)

    @dsl.pipeline(name="labelcycle-attempt", description="Train or begin cold, then choose what to label next.")
    def attempt_at_cycle(
        root: str,
        decision: str,
        cycle: int,
        attempt: str,
        shard_numbers: list[int],
        shards: int,
        storage_secret: str,
        tracking_secret: str,
        labelling_secret: str,
        settings_map: str,
    ) -> None:
        """Carry out what label_ingest decided; decisions other than cold_start and train run nothing.

        A pipeline of its own because kfp.local resolves conditions on a pipeline's inputs, but not on one of several
        outputs of a task.
        """
        work = {"root": root, "cycle": cycle, "attempt": attempt}
        names = {"storage_secret": storage_secret, "settings_map": settings_map}
        of_servers = {"tracking_secret": tracking_secret, "labelling_secret": labelling_secret}
        in_shards = {**work, **names, "shard_numbers": shard_numbers, "shards": shards}

        def stage(component: Any, *after: dsl.PipelineTask, **more: Any) -> Any:
            task = component(**work, **more).after(*after)
            task.set_caching_options(False)
            place(task, component.python_func.__name__, **names, **of_servers)
            return task

        with dsl.If(decision == "cold_start", name="cold-start"):
            base = embed_in_shards(target="base", **in_shards).set_display_name("embed base")
            stage(publish, stage(select, base))

        with dsl.If(decision == "train", name="train"):
            base = embed_in_shards(target="base", **in_shards).set_display_name("embed base")
            trained = stage(train_adapter, base)
            tuned = embed_in_shards(target="tuned", **in_shards).after(trained).set_display_name("embed tuned")
            evaluated = stage(evaluate, tuned)
            scored = score_in_shards(**in_shards).after(tuned).set_display_name("score")
            chosen = stage(select, scored, shards=shards)
            stage(publish, evaluated, chosen)

    @dsl.pipeline(name="labelcycle-cycle", description="Ingest labels, train, evaluate, and choose what to label next.")
    def cycle(
        root: str,
        labels_from: str = "",
        finalize: bool = False,
        shards: int = shards,
        storage_secret: str = STORAGE_SECRET,
        tracking_secret: str = TRACKING_SECRET,
        labelling_secret: str = LABELLING_SECRET,
        settings_map: str = SETTINGS_MAP,
    ) -> None:
        """Run one cycle of the campaign at `root`; nothing is written while labels are awaited or all is done.

        Args:
            root: the campaign's folder or S3 prefix.
            labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own.
            finalize: train the final model on every label so far, and end the campaign.
            shards: parts that embed and score are split into; the result is the same for any number.
            storage_secret: Kubernetes secret with the object store's credentials.
            tracking_secret: Kubernetes secret with the MLflow server's credentials.
            labelling_secret: Kubernetes secret with the labelling tool's token.
            settings_map: Kubernetes ConfigMap with the addresses of the object store and of MLflow.
        """
        following = label_ingest(root=root, labels_from=labels_from, finalize=finalize, shards=shards)
        following.set_caching_options(False)
        place(
            following,
            "label_ingest",
            storage_secret=storage_secret,
            settings_map=settings_map,
            labelling_secret=labelling_secret,
        )
        attempt_at_cycle(
            root=root,
            decision=following.outputs["decision"],
            cycle=following.outputs["cycle"],
            attempt=following.outputs["attempt"],
            shard_numbers=following.outputs["shard_numbers"],
            shards=shards,
            storage_secret=storage_secret,
            tracking_secret=tracking_secret,
            labelling_secret=labelling_secret,
            settings_map=settings_map,
        )

    return cycle  # type: ignore[no-any-return]


cycle = cycle_pipeline()
"""The pipeline as the local engine runs it: with nothing asked of a cluster."""
