"""`labelcycle submit`: the next cycle as a run of Kubeflow Pipelines."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.errors import WAITING_FOR_LABELS
from labelcycle.pipelines.cli import kubeflow as options
from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET

if TYPE_CHECKING:
    from labelcycle.components.core.campaign.state import State
    from labelcycle.components.core.campaign.summary import CycleSummary
    from labelcycle.pipelines.kubeflow.cluster_campaign import ClusterCampaign
    from labelcycle.pipelines.kubeflow.connection import Kubeflow
    from labelcycle.pipelines.kubeflow.run_request import RunRequest
    from labelcycle.pipelines.kubeflow.submission import Submission

HOW, PREDICT = "How", "Predictions"


def submit(
    context: typer.Context,
    root: options.Root,
    host: options.Host = None,
    namespace: options.Namespace = None,
    token_file: options.TokenFile = None,
    experiment: options.Experiment = "labelcycle",
    profile: options.Profile = "small",
    image: options.Image = None,
    shards: options.Shards = None,
    labels_from: options.LabelsFrom = "",
    cache: options.Cache = True,
    finalize: Annotated[
        bool,
        typer.Option("--finalize", help="Train the final model, as `labelcycle finalize` does.", rich_help_panel=HOW),
    ] = False,
    end_early: Annotated[
        bool,
        typer.Option(
            "--end-early", help="With --finalize: although labels of the budget are left.", rich_help_panel=HOW
        ),
    ] = False,
    predict: Annotated[
        bool,
        typer.Option("--predict", help="Classify the pool, or --images, instead of a cycle.", rich_help_panel=PREDICT),
    ] = False,
    images: Annotated[
        str, typer.Option(help="With --predict: an s3:// prefix of images, or a .txt list.", rich_help_panel=PREDICT)
    ] = "",
    model: Annotated[
        str, typer.Option(help="With --predict: champion, final, or a cycle's number.", rich_help_panel=PREDICT)
    ] = "champion",
    output: Annotated[
        str, typer.Option(help="With --predict: an s3:// file for all predictions.", rich_help_panel=PREDICT)
    ] = "",
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Follow the run to its end; 3 if labels are awaited then.", rich_help_panel=HOW),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be created, and create nothing.", rich_help_panel=HOW)
    ] = False,
    service_account: options.ServiceAccount = None,
    storage_secret: options.StorageSecret = STORAGE_SECRET,
    tracking_secret: options.TrackingSecret = TRACKING_SECRET,
    labelling_secret: options.LabellingSecret = LABELLING_SECRET,
    settings_map: options.SettingsMap = SETTINGS_MAP,
) -> None:
    """Submit the campaign's next cycle to Kubeflow Pipelines as one run, named after campaign and cycle.

    Asking again while the run is under way finds it and creates none. A run that ended without moving the campaign on,
    because labels were awaited or a stage failed, may be followed by another.

    Example: labelcycle submit s3://labels/digits --host https://kubeflow.example.org/pipeline --profile gpu
    """
    from labelcycle.components.core.errors import ConfigurationError
    from labelcycle.pipelines.kubeflow.submission import submit as submit_run

    if end_early and not finalize:
        raise ConfigurationError("--end-early needs --finalize. Add --finalize, or leave --end-early out.")
    request = options.requested(context)
    if predict:
        if finalize:
            raise ConfigurationError("--predict and --finalize are two runs. Leave one of them out.")
        _predict(context, request, images, model, output, wait, dry_run)
        return
    if images or output or model != "champion":
        raise ConfigurationError("--images, --model and --output are for --predict. Add --predict, or leave them out.")
    kubeflow, campaign = options.opened(context, request)
    submission = submit_run(kubeflow, campaign, request, finalize, end_early, dry_run)
    _print_submission(kubeflow, submission)
    if wait and submission.run is not None:
        _follow(kubeflow, submission, campaign, labels_from)


def _predict(
    context: typer.Context,
    request: "RunRequest",
    images: str,
    model: str,
    output: str,
    wait: bool,
    dry_run: bool,
) -> None:
    from labelcycle.pipelines.kubeflow.prediction_submission import WantedPrediction, submit_prediction

    wanted = WantedPrediction(images, model, output)
    kubeflow, campaign = options.opened(context, request)
    submission = submit_prediction(kubeflow, campaign, request, wanted, dry_run)
    _print_submission(kubeflow, submission)
    if wait and submission.run is not None:
        _follow_to_success(kubeflow, submission)


def _print_submission(kubeflow: "Kubeflow", submission: "Submission") -> None:
    if submission.reason:
        print(f"nothing submitted: {submission.reason}")
    elif submission.run is None:
        print(f"would submit: {submission.name}")
    else:
        verb = "submitted" if submission.created else "under way already"
        print(f"{verb}: {submission.name}")
        print(kubeflow.run_page(submission.run.run_id), flush=True)


def _follow(kubeflow: "Kubeflow", submission: "Submission", campaign: "ClusterCampaign", labels_from: str) -> None:
    _follow_to_success(kubeflow, submission)
    _report(submission.state, campaign.read(), labels_from)


def _follow_to_success(kubeflow: "Kubeflow", submission: "Submission") -> None:
    """Follow a run; where it fails say why, and end with 1. Of one that was cancelled its pods say nothing of use."""
    from labelcycle.pipelines.kubeflow.failure import was_cancelled, why_failed

    run = options.followed(kubeflow, submission.run.run_id, submission.name)
    if run.state not in ("SUCCEEDED", "SKIPPED"):
        cancelled = was_cancelled(run)
        reasons = [] if cancelled else why_failed(kubeflow, run)
        said = f"error: the run {'was cancelled' if cancelled else 'has failed'}."
        print("\n".join([said, *reasons]), file=sys.stderr)
        print(f"{kubeflow.run_page(run.run_id)} shows more. Then submit again.", file=sys.stderr)
        raise typer.Exit(1)


def _report(before: "State", after: "State", labels_from: str) -> None:
    """Say what the cycle brought. Labels are awaited if it brought none, or if people have a query to answer now."""
    moved = after.summaries[len(before.commits) :]
    for summary in moved:
        print(_cycle(summary))
    if after.phase == "done":
        print(f"done: {after.why_done}")
        return
    if not moved or not (labels_from or after.campaign.labels_from):
        print("waiting for labels; submit again when they are there", file=sys.stderr)
        raise typer.Exit(WAITING_FOR_LABELS)


def _cycle(summary: "CycleSummary") -> str:
    asked = f", {summary.query_size} samples to label next" if summary.query_size else ""
    figure = f"{summary.labels} labels, {summary.accuracy_in_words}" if summary.trained else "cold start"
    return f"cycle {summary.cycle}: {figure}{asked}"
