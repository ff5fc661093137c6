"""`labelcycle manifests`: everything that a cluster needs around the pipelines, for `kubectl apply -k`."""

from pathlib import Path
from typing import Annotated

import typer


def manifests(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to; it is created if necessary.")],
    image: Annotated[
        str,
        typer.Option(
            help="The image of the stages as the cluster pulls it, with its tag; stages on GPUs take the tag with "
            "-cuda. Without it LABELCYCLE_IMAGE, or labelcycle-python in this version."
        ),
    ] = "",
    profile: Annotated[
        str, typer.Option(help="What each stage asks of the cluster: small, gpu, a100, or a YAML file of your own.")
    ] = "small",
    root: Annotated[str, typer.Option(help="The campaign: s3://bucket/prefix.")] = "s3://labelcycle/campaign",
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder of something else, and over files that were edited.")
    ] = False,
) -> None:
    """Write the kustomize base and overlays of this version into DIR, for `kubectl apply -k DIR/overlays/…`.

    They bring MLflow, settings, access rights, network policies, and Argo's workflows. DIR/README.md goes through an
    installation step by step: namespace, secrets, overlay. What is yours, such as addresses, belongs into an overlay of
    your own, which it shows as well.

    Run it again after an upgrade, or for another image. It replaces what it wrote, and leaves alone what it did not; it
    refuses where a file was edited, or where the folder is something else's. `labelcycle argo --output DIR` writes the
    workflows alone, with more to choose.
    """
    from labelcycle.components.core.config.environment import IMAGE
    from labelcycle.pipelines.argo.rendering import Rendering
    from labelcycle.pipelines.manifest_folder import write_manifests
    from labelcycle.pipelines.profiles.profile import read_profile

    rendering = Rendering(profile=read_profile(profile), image=image or IMAGE, root=root)
    written = write_manifests(rendering, folder, force)
    for path in written.paths:
        print(path)
    for path in written.removed:
        print(f"removed {path}, which this version does not have")
    print(f"next: create the namespace and the secrets that {folder / 'README.md'} lists, then one of")
    print(f"  kubectl apply -k {folder / 'overlays' / 'argo'}")
    print(f"  kubectl apply -k {folder / 'overlays' / 'kubeflow'}")
