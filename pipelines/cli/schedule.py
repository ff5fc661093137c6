"""`labelcycle schedule`: cycles at set times, by Kubeflow Pipelines."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelcycle.pipelines.cli import kubeflow as options
from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET

if TYPE_CHECKING:
    from labelcycle.pipelines.kubeflow.connection import Kubeflow

WHEN, EXISTING = "When", "A schedule that exists"


def schedule(
    context: typer.Context,
    root: options.Root,
    cron: Annotated[
        str | None,
        typer.Option(
            help="Six fields, with seconds in front, such as '0 0 6 * * *' for every day at six; in the time zone of "
            "the installation, mostly UTC.",
            rich_help_panel=WHEN,
        ),
    ] = None,
    every: Annotated[str | None, typer.Option(help="30m, 1h, 7d.", rich_help_panel=WHEN)] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Say whether there is one, and when it runs.", rich_help_panel=EXISTING)
    ] = False,
    pause: Annotated[
        bool, typer.Option("--pause", help="Start no more runs for now.", rich_help_panel=EXISTING)
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Start runs again.", rich_help_panel=EXISTING)] = False,
    delete: Annotated[
        bool,
        typer.Option(
            "--delete",
            help="Pause it, and delete it unless a run of it is under way: Kubernetes would end that run too.",
            rich_help_panel=EXISTING,
        ),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="With --delete: follow the run under way to its end.", rich_help_panel=EXISTING),
    ] = False,
    host: options.Host = None,
    namespace: options.Namespace = None,
    token_file: options.TokenFile = None,
    experiment: options.Experiment = "labelcycle",
    profile: options.Profile = "small",
    image: options.Image = None,
    shards: options.Shards = None,
    labels_from: options.LabelsFrom = "",
    cache: options.Cache = True,
    service_account: options.ServiceAccount = None,
    storage_secret: options.StorageSecret = STORAGE_SECRET,
    tracking_secret: options.TrackingSecret = TRACKING_SECRET,
    labelling_secret: options.LabellingSecret = LABELLING_SECRET,
    settings_map: options.SettingsMap = SETTINGS_MAP,
) -> None:
    """Let Kubeflow Pipelines run the campaign's cycles at set times, one at a time.

    A run that finds labels still awaited ends soon. A campaign has one schedule, named after it and its root; delete it
    when the campaign is done.

    Example: labelcycle schedule s3://labels/digits --every 1h --host https://kubeflow.example.org/pipeline
    """
    from labelcycle.components.core.errors import ConfigurationError
    from labelcycle.pipelines.kubeflow.schedule import Times, in_words
    from labelcycle.pipelines.kubeflow.schedule import schedule as create

    changes = {"show": show, "pause": pause, "resume": resume, "delete": delete}
    asked = [name for name, given in changes.items() if given]
    if len(asked) > 1 or (asked and (cron is not None or every is not None)):
        raise ConfigurationError(
            "--show, --pause, --resume, --delete and the times of a new schedule cannot be combined."
        )
    if wait and not delete:
        raise ConfigurationError("--wait needs --delete. Add --delete, or leave --wait out.")
    if asked:
        _change(options.connected(context), root, asked[0], wait)
        return
    times = Times(cron, every)
    request = options.requested(context)
    kubeflow, campaign = options.opened(context, request)
    scheduled = create(kubeflow, campaign, request, times)
    if scheduled.schedule is None:
        print(f"nothing scheduled: {scheduled.state.why_done}")
        return
    print(f"scheduled: {scheduled.name}, {in_words(scheduled.schedule)}")
    print(kubeflow.schedule_page(scheduled.schedule.recurring_run_id))


def _change(kubeflow: "Kubeflow", root: str, asked: str, wait: bool) -> None:
    from labelcycle.components.core.errors import ConfigurationError
    from labelcycle.pipelines.kubeflow.schedule import find, in_words, switch

    name, found = find(kubeflow, root)
    if not found:
        if asked in ("show", "delete"):
            print(f"campaign {name} has no schedule")
            return
        raise ConfigurationError(f"Campaign {name} has no schedule. Create one with --cron or --every.")
    if asked == "delete":
        _delete(kubeflow, name, found, wait)
        return
    if asked != "show":
        switch(kubeflow, found, on=asked == "resume")
        _, found = find(kubeflow, root)
    for existing in found:
        print(f"{name}: {in_words(existing)}")
        print(kubeflow.schedule_page(existing.recurring_run_id))


def _delete(kubeflow: "Kubeflow", name: str, found: list[Any], wait: bool) -> None:
    from labelcycle.components.core.errors import TransientError
    from labelcycle.pipelines.cli.kubeflow import followed
    from labelcycle.pipelines.kubeflow.schedule import delete, pause_for_good

    for run in pause_for_good(kubeflow, found):
        if not wait:
            raise TransientError(
                f"Schedule {name} is paused and starts no more runs, but its run {run.display_name} is under way: "
                f"{kubeflow.run_page(run.run_id)}. Kubernetes would end that run together with the schedule. Run the "
                "same command again when it has ended, or add --wait."
            )
        followed(kubeflow, run.run_id, run.display_name)
    delete(kubeflow, found)
    print(f"deleted: {name}")
