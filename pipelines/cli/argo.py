"""`labelcycle argo`: manifests for Argo Workflows and Argo Events."""

from pathlib import Path
from typing import Annotated

import typer


def argo(
    output: Annotated[Path, typer.Option(help="Folder to write to; existing manifests are replaced.")],
    profile: Annotated[
        str, typer.Option(help="What each stage asks of the cluster: small, gpu, a100, or a YAML file of your own.")
    ] = "small",
    image: Annotated[str, typer.Option(help="The image, with its tag; stages on GPUs take the tag with -cuda.")] = "",
    root: Annotated[str, typer.Option(help="The campaign: s3://bucket/prefix.")] = "s3://labelcycle/campaign",
    cron: Annotated[str, typer.Option(help="When to start a cycle: minute, hour, day, month, weekday; UTC.")] = (
        "0 * * * *"
    ),
    suspended: Annotated[
        bool, typer.Option("--suspended/--active", help="Whether the schedule waits for `argo cron resume`.")
    ] = True,
    namespace: Annotated[str, typer.Option(help="The namespace of all manifests.")] = "labelcycle",
) -> None:
    """Write the workflows, their schedule, and their start on labels, for `kubectl apply -k`.

    Submit with `argo submit --from workflowtemplate/labelcycle-cycle`, or let the schedule or an event do it. Another
    campaign needs no other manifests: its root is a parameter, `-p root=s3://…`.
    """
    from labelcycle.components.core.config.environment import IMAGE
    from labelcycle.pipelines.argo.files import write_files
    from labelcycle.pipelines.argo.rendering import Rendering
    from labelcycle.pipelines.profiles.profile import read_profile

    rendering = Rendering(
        profile=read_profile(profile),
        image=image or IMAGE,
        root=root,
        cron=cron,
        suspended=suspended,
        namespace=namespace,
    )
    for path in write_files(rendering, output):
        print(path)
