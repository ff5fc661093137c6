"""Options that the commands for Kubeflow Pipelines share."""

from typing import Annotated

import typer

WHERE, WHAT, PODS = "Where to", "What runs", "Names in the cluster"

Root = Annotated[str, typer.Argument(help="The campaign: s3://bucket/prefix.")]
Host = Annotated[
    str | None,
    typer.Option(
        envvar="KF_PIPELINES_ENDPOINT",
        help="Address of Kubeflow Pipelines, such as https://kubeflow.example.org/pipeline. Not needed inside the "
        "cluster.",
        rich_help_panel=WHERE,
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(help="Your namespace, where Kubeflow has several users.", rich_help_panel=WHERE),
]
TokenFile = Annotated[
    str | None,
    typer.Option(
        help="File of a bearer token. Or set LABELCYCLE_KFP_TOKEN to a token, LABELCYCLE_KFP_COOKIES to a browser's.",
        rich_help_panel=WHERE,
    ),
]
Experiment = Annotated[str, typer.Option(help="Where the web pages list it.", rich_help_panel=WHERE)]
Profile = Annotated[
    str,
    typer.Option(help="What pods ask of the cluster: small, gpu, a100, or a YAML file of yours.", rich_help_panel=WHAT),
]
Image = Annotated[
    str | None,
    typer.Option(
        envvar="LABELCYCLE_IMAGE",
        help="Image of all stages, with a tag, from a registry that the cluster reads. Stages with a GPU run in that "
        "whose tag ends in -cuda besides.",
        rich_help_panel=WHAT,
    ),
]
Shards = Annotated[
    int | None,
    typer.Option(min=1, help="Parts that embed and score are split into; else the profile's.", rich_help_panel=WHAT),
]
LabelsFrom = Annotated[
    str,
    typer.Option(
        help="Read this label file, s3://bucket/file, instead of the campaign's own source.", rich_help_panel=WHAT
    ),
]
Cache = Annotated[
    bool,
    typer.Option(
        help="Let Kubeflow skip stages that allow it where it has seen the same inputs.", rich_help_panel=WHAT
    ),
]
ServiceAccount = Annotated[
    str | None,
    typer.Option(help="Service account of the pods; else the installation's.", rich_help_panel=PODS),
]
StorageSecret = Annotated[str, typer.Option(help="Secret with the object store's credentials.", rich_help_panel=PODS)]
TrackingSecret = Annotated[str, typer.Option(help="Secret with MLflow's credentials.", rich_help_panel=PODS)]
SettingsMap = Annotated[
    str, typer.Option(help="ConfigMap with addresses of the object store and of MLflow.", rich_help_panel=PODS)
]
