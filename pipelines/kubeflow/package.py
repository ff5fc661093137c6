"""Compiled packages for Kubeflow Pipelines, for a profile and an image, with the cache of every stage switched off."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

if TYPE_CHECKING:
    from labelcycle.pipelines.placing import PlacePod
    from labelcycle.pipelines.profiles.profile import Profile

PipelineName = Literal["cycle", "cycle_in_shards", "backtest", "predict"]
PIPELINES: tuple[PipelineName, ...] = ("cycle", "cycle_in_shards", "backtest", "predict")


def write_package(
    pipeline: PipelineName,
    path: Path,
    profile: "Profile",
    image: str,
    shards: int | None = None,
    features_stay: bool = False,
    tells_of_failures: bool = False,
) -> None:
    """Compile a pipeline to a YAML file.

    Args:
        pipeline: which: a cycle in so many shards as are said here, one in as many as a run asks for, a backtest,
            or a prediction.
        path: of the file; its folder is made.
        profile: what each stage asks of the cluster.
        image: of all stages, with a tag or digest; stages with an accelerator run in the one whose tag ends in `-cuda`.
        shards: parts of embed and score, or of a prediction; None for the profile's.
        features_stay: leave out what only campaigns need whose backbone changes.
        tells_of_failures: end each cycle with the stage that tells people of one that failed.

    Raises:
        ConfigurationError: more shards than the engine takes.
    """
    from kfp import compiler

    from labelcycle.pipelines.kubeflow.placement import place_by
    from labelcycle.pipelines.profiles.shard_limit import refuse_too_many_shards

    if pipeline != "backtest":
        refuse_too_many_shards("Kubeflow Pipelines", shards or profile.shards, profile)
    path.parent.mkdir(parents=True, exist_ok=True)
    place, many = place_by(profile, image), shards or profile.shards
    made = _pipeline(pipeline, place, profile, many, features_stay, tells_of_failures)
    compiler.Compiler().compile(made, str(path))


def _pipeline(
    pipeline: PipelineName,
    place: "PlacePod",
    profile: "Profile",
    shards: int,
    features_stay: bool,
    tells_of_failures: bool,
) -> Callable[..., Any]:
    from labelcycle.pipelines.backtest.pipeline import backtest_pipeline
    from labelcycle.pipelines.cycle import cycle_pipeline
    from labelcycle.pipelines.prediction.prediction_pipeline import prediction_pipeline

    if pipeline == "backtest":
        return backtest_pipeline(place)
    if pipeline == "predict":
        return prediction_pipeline(place, shards, profile.shards_at_once)
    return cycle_pipeline(
        place,
        shards=shards,
        shards_at_once=profile.shards_at_once,
        any_shards=pipeline == "cycle_in_shards",
        features_stay=features_stay,
        tells_of_failures=tells_of_failures,
    )


def forbid_caching(path: Path) -> None:
    """Change the package at `path`, so that no task uses results of an earlier run.

    `kfp.Client` has a switch for this, but it reaches only the tasks of the outermost pipeline.
    """
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    spec = documents[0]
    for part in (spec["root"], *spec["components"].values()):
        for task in part.get("dag", {}).get("tasks", {}).values():
            if "cachingOptions" in task:
                task["cachingOptions"] = {}
    path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
