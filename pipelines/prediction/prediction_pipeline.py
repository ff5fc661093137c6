"""A prediction as one run of Kubeflow Pipelines, made of the table in `pipelines.graph`: shards fan out as pods."""

from collections.abc import Callable
from typing import Any, NamedTuple

from kfp import dsl

from labelcycle.components.core.runtime.kfp_component import stage
from labelcycle.pipelines.cluster import SETTINGS_MAP, STORAGE_SECRET
from labelcycle.pipelines.graph import PREDICTION, Graph, Stage, slug
from labelcycle.pipelines.placing import PlacePod, unplaced


@stage
def prediction_start(root: str, images: str = "", model: str = "champion", shards: int = 1) -> NamedTuple(
    "Started", [("prediction", str), ("shard_numbers", list[int])]
):
    """Fix the model and the samples of a prediction. Returns its name, and counts the shards from 0."""
    from labelcycle.components.core.features.ordering import shard_numbers
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.pipelines.prediction.start import run

    numbers = shard_numbers(shards)
    started = with_retries(run)(root=root, images=images, model=model, shards=shards)
    return (started.prediction, numbers)


@stage
def prediction_parts(root: str, prediction: str, shard: int = 0, shards: int = 1) -> str:
    """Classify one shard of the samples. Returns the prediction's name."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.pipelines.prediction.parts import run

    return with_retries(run)(root=root, prediction=prediction, shard=shard, shards=shards).prediction


@stage
def prediction_commit(root: str, prediction: str, output: str = "") -> str:
    """Name all parts in one object, and write them into one file. Returns the object's address."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.pipelines.prediction.commit import run

    return with_retries(run)(root=root, prediction=prediction, output=output).commit


COMPONENTS = {
    "prediction_start": prediction_start,
    "prediction_parts": prediction_parts,
    "prediction_commit": prediction_commit,
}
"""The components of a prediction's stages."""


def prediction_pipeline(
    place: PlacePod = unplaced, shards: int = 1, shards_at_once: int = 2, graph: Graph = PREDICTION
) -> Callable[..., Any]:
    """The pipeline of a prediction.

    Args:
        place: called with every task, to ask for what the task's pod needs.
        shards: parts of the work, unless a run asks for another number.
        shards_at_once: how many of these parts run at a time; kfp.local never runs more than two.
        graph: what is run, in which order.
    """
    loops = {stage.name: _loop(stage, place, shards_at_once) for stage in graph.stages if stage.sharded}

    @dsl.pipeline(name="labelcycle-predict", description="Classify a campaign's pool, or images, in shards.")
    def predict(
        root: str,
        images: str = "",
        model: str = "champion",
        output: str = "",
        shards: int = shards,
        storage_secret: str = STORAGE_SECRET,
        settings_map: str = SETTINGS_MAP,
    ) -> None:
        """Classify the pool of the campaign at `root`, or images, and keep the predictions there.

        Args:
            root: the campaign's folder or S3 prefix.
            images: a folder or `s3://` prefix, or a `.txt` list of images; empty for the pool.
            model: champion, final, or the number of a cycle.
            output: a .parquet or .csv file for all predictions, by `s3://` URI; empty for none.
            shards: parts of the work; the result is the same for any number.
            storage_secret: Kubernetes secret with the object store's credentials.
            settings_map: Kubernetes ConfigMap with the address of the object store.
        """
        names = {"storage_secret": storage_secret, "settings_map": settings_map}
        of_runs = {"output": output}
        first = _started(graph.stages[0], place, names, root=root, images=images, model=model, shards=shards)
        work = {"root": root, **{name: first.outputs[name] for name in graph.work}}
        done: dict[str, Any] = {}
        for task in graph.tasks:
            given = {**work, **task.settings}
            given |= {name: of_runs[name] for name in graph.given if name in task.runs.takes}
            if task.runs.sharded:
                numbers = first.outputs["shard_numbers"]
                started = loops[task.stage](**given, **names, shard_numbers=numbers, shards=shards)
            else:
                started = _started(task.runs, place, names, **given)
            done[task.name] = started.after(*(done[name] for name in task.after))

    return predict  # type: ignore[no-any-return]


def _started(of: Stage, place: PlacePod, names: dict[str, Any], **given: Any) -> Any:
    task = COMPONENTS[of.name](**given)
    task.set_caching_options(False)
    place(task, of.name, **names)
    return task


def _loop(of: Stage, place: PlacePod, at_once: int) -> Callable[..., Any]:
    """A pipeline of its own for a stage's shards, because nothing outside a loop can wait for a task inside it."""

    @dsl.pipeline(name=f"labelcycle-{slug(of.name)}", description=f"{of.name} in shards.")
    def in_shards(
        root: str, prediction: str, shards: int, storage_secret: str, settings_map: str, shard_numbers: list[int]
    ) -> None:
        names = {"storage_secret": storage_secret, "settings_map": settings_map}
        with dsl.ParallelFor(shard_numbers, name="shards", parallelism=at_once) as shard:
            _started(of, place, names, root=root, prediction=prediction, shard=shard, shards=shards)

    return in_shards  # type: ignore[no-any-return]


predict = prediction_pipeline()
"""The pipeline with nothing asked of a cluster."""
