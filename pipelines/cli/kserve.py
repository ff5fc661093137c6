"""`labelcycle kserve`: the manifest of a service that classifies by the champion."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError


def kserve(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    output: Annotated[Path | None, typer.Option(help="The file to write; else it is printed.")] = None,
    profile: Annotated[
        str, typer.Option(help="What a pod asks of the cluster, as for prediction_parts: small, gpu, a100, or a file.")
    ] = "small",
    image: Annotated[str, typer.Option(help="The image, with its tag; on GPUs that with -cuda.")] = "",
    namespace: Annotated[str, typer.Option(help="The namespace of the service.")] = "labelcycle",
    name: Annotated[str, typer.Option(help="Of the service; else labelcycle- and the campaign's.")] = "",
    version: Annotated[
        int | None, typer.Option(min=1, help="Of the registered model; else the champion when a pod starts.")
    ] = None,
    min_replicas: Annotated[int, typer.Option(min=0, help="The fewest pods.")] = 1,
    max_replicas: Annotated[
        int | None, typer.Option(min=1, help="The most pods; by default the fewest, and 1 at least.")
    ] = None,
) -> None:
    """Write the InferenceService of KServe that answers by the campaign's champion.

    Its pods load the model from MLflow's registry. Name a --version so that all pods have the same one; a version that
    MLflow lacks is refused, where MLflow can be asked from here.

    Example: labelcycle kserve campaigns/digits --version 3
    """
    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.config.environment import IMAGE
    from labelcycle.components.core.storage import open_store
    from labelcycle.components.tracking.location import sqlite_file, tracking_location
    from labelcycle.pipelines.profiles.profile import read_profile
    from labelcycle.pipelines.serving.inference_service import as_yaml, inference_service
    from labelcycle.pipelines.serving.served_version import refuse_missing_version

    store = open_store(root)
    state = read_state(store)
    if not state.trained:
        print("the campaign has no model yet: run a cycle that trains before you apply it", file=sys.stderr)
    elif (database := sqlite_file(tracking_location(store).registry_uri)) is not None and database.is_file():
        print(
            f"models are registered in {database}, which pods do not see: run cycles with MLFLOW_TRACKING_URI set to "
            "the server that the cluster has in labelcycle-settings",
            file=sys.stderr,
        )
    if state.trained and version is not None and (why := refuse_missing_version(store, state.campaign, version)):
        print(f"note: version {version} was not looked up. {why}", file=sys.stderr)
    if output is not None and output.is_dir():
        raise ConfigurationError(f"--output {output} is a folder. Name a file in it.")
    counts = (min_replicas, max(1, min_replicas) if max_replicas is None else max_replicas)
    manifest = inference_service(
        state.campaign, read_profile(profile), image or IMAGE, namespace, name, version, counts
    )
    if output is None:
        print(as_yaml(manifest), end="")
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(as_yaml(manifest), encoding="utf-8")
    print(output)
