"""Compiled packages for Kubeflow Pipelines, for a profile and an image, with the cache of every stage switched off."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import yaml

from labelcycle.pipelines.profiles.profile import Profile

PipelineName = Literal["cycle", "backtest"]
PIPELINES: tuple[PipelineName, ...] = ("cycle", "backtest")


def write_package(pipeline: PipelineName, path: Path, profile: Profile, image: str) -> None:
    """Compile a pipeline to a YAML file.

    Args:
        pipeline: which.
        path: of the file; its folder is made.
        profile: what each stage asks of the cluster.
        image: of all stages, with a tag or digest; stages with an accelerator run in the one whose tag ends in `-cuda`.
    """
    from kfp import compiler

    path.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(_pipeline(pipeline, profile, image), str(path))


def _pipeline(pipeline: PipelineName, profile: Profile, image: str) -> Callable[..., Any]:
    from labelcycle.pipelines.backtest.pipeline import backtest_pipeline
    from labelcycle.pipelines.cycle import cycle_pipeline
    from labelcycle.pipelines.kubeflow.placement import place_by

    place = place_by(profile, image)
    if pipeline == "backtest":
        return backtest_pipeline(place)
    return cycle_pipeline(place, shards=profile.shards, shards_at_once=profile.shards_at_once)


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
