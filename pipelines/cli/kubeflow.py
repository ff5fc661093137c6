"""Options that the commands for Kubeflow Pipelines share, and what the commands make of them."""

import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from labelcycle.pipelines.kubeflow.cluster_campaign import ClusterCampaign
    from labelcycle.pipelines.kubeflow.connection import Kubeflow
    from labelcycle.pipelines.kubeflow.run_request import RunRequest

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
LabellingSecret = Annotated[str, typer.Option(help="Secret with the labelling tool's token.", rich_help_panel=PODS)]
SettingsMap = Annotated[
    str, typer.Option(help="ConfigMap with addresses of the object store and of MLflow.", rich_help_panel=PODS)
]


def requested(context: typer.Context) -> "RunRequest":
    """What the command line asks for: every field of a request is an option of the same name."""
    from labelcycle.components.core.config.environment import IMAGE
    from labelcycle.pipelines.kubeflow.run_request import RunRequest

    given = {field.name: context.params[field.name] for field in fields(RunRequest)}
    return RunRequest(**given | {"image": given["image"] or IMAGE})


def opened(context: typer.Context, request: "RunRequest") -> tuple["Kubeflow", "ClusterCampaign"]:
    """The installation and the campaign. What is wrong with the request is reported before a server is asked.

    Raises:
        ConfigurationError: there is no such profile, pods cannot read what the campaign names, or the address or the
            log-in is wrong.
        CampaignError: there is no campaign.
        TransientError: Kubeflow Pipelines or the object store cannot be reached.
    """
    from labelcycle.pipelines.kubeflow.cluster_campaign import open_cluster_campaign
    from labelcycle.pipelines.profiles.profile import read_profile

    read_profile(request.profile)
    campaign = open_cluster_campaign(request.root, request.labels_from)
    return connected(context), campaign


def connected(context: typer.Context) -> "Kubeflow":
    """The installation that the command line names.

    Raises:
        ConfigurationError: the address, the log-in or the namespace is wrong or missing.
        TransientError: it cannot be reached.
    """
    from labelcycle.pipelines.kubeflow.connection import connect

    return connect(context.params["host"], context.params["namespace"], context.params["token_file"])


def followed(kubeflow: "Kubeflow", run_id: str, name: str) -> Any:
    """Follow a run to its end, and say on standard error what state it is in. Returns the run as it ended.

    Raises:
        ConfigurationError: the API does not show the run any more.
        TransientError: the API has been away for too long. The run goes on all the same.
    """
    from rich.console import Console

    from labelcycle.pipelines.kubeflow.submission import follow

    console = Console(file=sys.stderr)
    with console.status(name) as spinner:

        def show(state: str) -> None:
            spinner.update(f"{name}: {state.lower()}")
            console.print(f"{name}: {state.lower()}", markup=False, highlight=False)

        return follow(kubeflow, run_id, show)
