"""`labelcycle doctor`: whether a campaign can run at a place, before it does."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelcycle.pipelines.cli import kubeflow as options
from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET

if TYPE_CHECKING:
    from rich.console import Console

    from labelcycle.pipelines.doctor.check_result import Area, CheckResult, Diagnosis
    from labelcycle.pipelines.doctor.question import Question

STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    place: Annotated[
        str,
        typer.Argument(metavar="ROOT", help="Where the campaign is or will be: a folder or s3://bucket/prefix."),
    ] = "",
    engine: Annotated[Literal["local", "argo", "kfp"], typer.Option(help="What is to run it.")] = "local",
    context: Annotated[
        str, typer.Option(help="Context of the kubeconfig; else its current one.", rich_help_panel=options.WHERE)
    ] = "",
    namespace: Annotated[
        str,
        typer.Option(
            help="Where the pods run: labelcycle on Argo, your own where Kubeflow has several users.",
            rich_help_panel=options.WHERE,
        ),
    ] = "",
    host: options.Host = None,
    token_file: options.TokenFile = None,
    experiment: options.Experiment = "labelcycle",
    profile: options.Profile = "small",
    image: Annotated[
        str,
        typer.Option(
            envvar="LABELCYCLE_IMAGE",
            help="Image of all stages, with its tag; on Argo that of the workflows unless it is named.",
            rich_help_panel=options.WHAT,
        ),
    ] = "",
    on_labels: Annotated[
        bool,
        typer.Option(
            "--on-labels",
            help="Look also for what starts cycles when labels arrive, before it is installed.",
            rich_help_panel=options.WHAT,
        ),
    ] = False,
    service_account: options.ServiceAccount = None,
    storage_secret: options.StorageSecret = STORAGE_SECRET,
    tracking_secret: options.TrackingSecret = TRACKING_SECRET,
    labelling_secret: options.LabellingSecret = LABELLING_SECRET,
    settings_map: options.SettingsMap = SETTINGS_MAP,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Check, before the first run, whether a campaign can run here, on Argo or on Kubeflow Pipelines.

    Each line is `pass`, `warn` or `fail`, with what to do about it. What you may not see is a warning that says so.
    In ROOT it writes a small object under `doctor/` and deletes it. In a cluster it asks the API server that `kubectl`
    asks, with your own rights, and changes nothing. Of secrets it tells the names of their keys alone.

    Exit codes: 0 nothing fails, 1 something does, 2 only what may pass does, such as a server that does not answer.

    Examples: labelcycle doctor campaigns/digits; labelcycle doctor s3://labels/digits --engine argo --profile gpu;
    labelcycle doctor s3://labels/digits --engine kfp --host https://kubeflow.example.org/pipeline --namespace team-a
    """
    from labelcycle.components.core.errors import TransientError
    from labelcycle.pipelines.doctor.question import Question

    question = Question(
        engine=engine,
        root=place,
        context=context,
        namespace=namespace,
        profile=profile,
        image=image,
        on_labels=on_labels,
        host=host,
        token_file=token_file,
        experiment=experiment,
        service_account=service_account,
        storage_secret=storage_secret,
        tracking_secret=tracking_secret,
        labelling_secret=labelling_secret,
        settings_map=settings_map,
    )
    diagnosis = _examined(question, lines=not as_json)
    if as_json:
        print(json.dumps(diagnosis.facts(), indent=2))
    if diagnosis.exit_code == TransientError.exit_code:
        raise TransientError(
            f"Checks that fail, all in a way that may pass: {diagnosis.count('fail')}. Run the same command again."
        )
    if diagnosis.exit_code:
        raise typer.Exit(diagnosis.exit_code)


def _examined(question: "Question", lines: bool) -> "Diagnosis":
    """Examine, with the name of the check under way on the terminal, and print each finding as it comes."""
    from rich.console import Console

    from labelcycle.pipelines.doctor.examine import examine

    console = Console(file=sys.stdout, highlight=False)
    waiting = console if lines and console.is_terminal else Console(file=sys.stderr)
    shown: list[str] = []

    def tell(area: "Area", finding: "CheckResult") -> None:
        if not lines:
            return
        if area not in shown[-1:]:
            console.print(area, style="bold")
            shown.append(area)
        _print(console, finding)

    with waiting.status("") as spinner:
        diagnosis = examine(question, begin=spinner.update, tell=tell)
    if lines:
        counts = f"{diagnosis.count('pass')} pass, {diagnosis.count('warn')} warn, {diagnosis.count('fail')} fail"
        console.print(counts, markup=False)
    return diagnosis


def _print(console: "Console", finding: "CheckResult") -> None:
    from rich.text import Text

    line = Text("  ")
    line.append(finding.status, style=STYLES[finding.status])
    line.append(f"  {finding.check}: {finding.seen}")
    console.print(line, soft_wrap=True)
    if finding.remedy:
        console.print(Text(f"        {finding.remedy}"), soft_wrap=True)
