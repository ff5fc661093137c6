"""`labelcycle schedule`: a recurring run of Kubeflow Pipelines that works on a campaign, one for each campaign.

Times are cron expressions of github.com/robfig/cron, which have seconds in front, or intervals.

Source: https://pkg.go.dev/github.com/robfig/cron#hdr-CRON_Expression_Format
"""

import re
import shlex
import time
from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.kubeflow.cluster_campaign import ClusterCampaign
from labelcycle.pipelines.kubeflow.connection import Kubeflow, quiet
from labelcycle.pipelines.kubeflow.lookup import create_once, name_at, runs_under_way, schedules_named
from labelcycle.pipelines.kubeflow.run_request import RunRequest

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 6, DAYS),
)
UNITS = {"m": 60, "h": 3600, "d": 86400}


def checked_cron(expression: str) -> str:
    """The cron expression, single spaces between its fields.

    The server reads an expression of five fields, as crontab has them, as one that lacks its last field, and so starts
    runs at other times than meant. That is why it is refused here.

    Raises:
        ConfigurationError: it has not six fields, or one of them is wrong.
    """
    parts = expression.split()
    if len(parts) == len(FIELDS) - 1:
        raise ConfigurationError(
            f"--cron {expression!r} has 5 fields, as crontab has. Kubeflow Pipelines has seconds in front: write "
            f"'0 {' '.join(parts)}'."
        )
    if len(parts) != len(FIELDS):
        raise ConfigurationError(
            f"--cron {expression!r} has {len(parts)} fields, not 6: second, minute, hour, day of the month, month, day "
            "of the week. Every day at six is '0 0 6 * * *'."
        )
    if not re.fullmatch("[0-9]+", parts[0]):
        raise ConfigurationError(
            f"--cron {expression!r} would start runs every few seconds. Begin with one second, such as 0."
        )
    for part, (name, least, most, words) in zip(parts, FIELDS, strict=True):
        for choice in part.split(","):
            if not _fits(choice, least, most, words):
                raise ConfigurationError(
                    f"--cron {expression!r}: {part!r} is no {name}, which is from {least} to {most}, a range such as "
                    f"{least}-{most}, a list with commas, * for all, or */2 for every second one."
                )
    return " ".join(parts)


def _fits(choice: str, least: int, most: int, words: tuple[str, ...]) -> bool:
    span, slash, step = choice.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span in ("*", "?"):
        return span == "*" or not slash
    first, dash, last = span.partition("-")
    numbers = [_number(text, least, words) for text in ([first, last] if dash else [first])]
    values = [number for number in numbers if number is not None and least <= number <= most]
    return len(values) == len(numbers) and values == sorted(values)


def _number(text: str, least: int, words: tuple[str, ...]) -> int | None:
    if text.upper() in words:
        return words.index(text.upper()) + least
    return int(text) if text.isascii() and text.isdigit() else None


def seconds_of(interval: str) -> int:
    """An interval such as `30m`, `1h` or `7d`, in seconds.

    Raises:
        ConfigurationError: it is written in another way.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", interval)
    if match is None:
        raise ConfigurationError(f"--every {interval!r} is no interval. Write minutes, hours or days: 30m, 1h, 7d.")
    return int(match[1]) * UNITS[match[2]]


SETTLING_SECONDS = 5.0
"""After a schedule is paused, in which a run may still appear that its controller had begun to create."""


@dataclass(frozen=True)
class Times:
    """When runs are started: a cron expression with six fields, or an interval such as `1h`. One of the two is given.

    Raises:
        ConfigurationError: none or both are given, or what is given is wrong.
    """

    cron: str | None = None
    every: str | None = None

    def __post_init__(self) -> None:
        if (self.cron is None) == (self.every is None):
            raise ConfigurationError("Say when: --cron '0 0 6 * * *' or --every 1h, one of the two.")
        self.trigger()

    def trigger(self) -> dict[str, str | int]:
        """Arguments of `kfp.Client.create_recurring_run`."""
        if self.cron is not None:
            return {"cron_expression": checked_cron(self.cron)}
        return {"interval_second": seconds_of(self.every or "")}


@dataclass(frozen=True)
class Scheduled:
    """What came of scheduling.

    Attributes:
        state: of the campaign.
        name: of the schedule.
        schedule: the recurring run as the API describes it; None where the campaign is done and needs none.
    """

    state: State
    name: str = ""
    schedule: Any = None


def schedule(kubeflow: Kubeflow, campaign: ClusterCampaign, request: RunRequest, times: Times) -> Scheduled:
    """Create the campaign's schedule: one run at a time, and none for times that have passed.

    Raises:
        ConfigurationError: the campaign has a schedule already, or the API refuses this one.
        TransientError: the API cannot be reached.
    """
    state = campaign.read()
    if state.phase == "done":
        return Scheduled(state)
    name = name_at(campaign.root, state.campaign)
    for existing in schedules_named(kubeflow, name, campaign.root):
        raise ConfigurationError(
            f"Campaign {name} has a schedule already, {in_words(existing)}: "
            f"{kubeflow.schedule_page(existing.recurring_run_id)}. Delete it first: labelcycle schedule "
            f"{shlex.quote(request.root)} --delete."
        )
    return Scheduled(state, name, _create(kubeflow, request, times, name, campaign.root, state))


def find(kubeflow: Kubeflow, root: str) -> tuple[str, list[Any]]:
    """The name of the campaign's schedules, and these: one, none, or more where somebody copied it on the web pages."""
    store = open_store(root)
    name = name_at(store.root, read_state(store).campaign)
    return name, schedules_named(kubeflow, name, store.root)


def pause_for_good(kubeflow: Kubeflow, schedules: list[Any]) -> list[Any]:
    """Pause schedules that are to be deleted. Returns their runs under way.

    Kubernetes ends a run together with its schedule, which owns it: delete a schedule only after its runs have ended.
    """
    if any(is_on(existing) for existing in schedules):
        switch(kubeflow, schedules, on=False)
        time.sleep(SETTLING_SECONDS)
    return runs_under_way(kubeflow, schedules)


def delete(kubeflow: Kubeflow, schedules: list[Any]) -> None:
    """Delete these schedules, none of which may have a run under way."""
    for existing in schedules:
        with quiet():
            kubeflow.client.delete_recurring_run(existing.recurring_run_id)


def switch(kubeflow: Kubeflow, schedules: list[Any], on: bool) -> None:
    """Let these schedules start runs, or not."""
    for existing in schedules:
        with quiet():
            change = kubeflow.client.enable_recurring_run if on else kubeflow.client.disable_recurring_run
            change(existing.recurring_run_id)


def in_words(existing: Any) -> str:
    """Whether a schedule starts runs, and when."""
    trigger = existing.trigger
    if trigger and trigger.cron_schedule:
        when = f"cron {trigger.cron_schedule.cron}"
    elif trigger and trigger.periodic_schedule:
        when = f"every {trigger.periodic_schedule.interval_second} seconds"
    else:
        when = "at no time"
    return f"{'on' if is_on(existing) else 'paused'}, {when}"


def is_on(existing: Any) -> bool:
    """Whether a schedule starts runs."""
    return bool(existing.status != "DISABLED" and existing.mode != "DISABLE")


def _create(kubeflow: Kubeflow, request: RunRequest, times: Times, name: str, root: str, state: State) -> Any:
    def create() -> Any:
        with quiet():
            return kubeflow.client.create_recurring_run(
                job_name=name,
                description=f"Cycles of the campaign at {request.root}.",
                max_concurrency=1,
                no_catchup=True,
                **times.trigger(),
                **job,
            )

    with request.job(kubeflow, state.campaign) as job:
        return create_once(create, lambda: next(iter(schedules_named(kubeflow, name, root)), None), f"Schedule {name}")
