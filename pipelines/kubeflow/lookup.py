"""What Kubeflow Pipelines has of one campaign, by name and root, and how to create something exactly once there.

Names of runs and schedules are not unique there, and the answer of the request that creates one may be lost.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import TransientError
from labelcycle.pipelines.kubeflow.connection import Kubeflow, quiet

PAGE = 100
ROOT_DIGITS = 6
"""Of the root's digest that names of runs and schedules hold."""


def name_at(root: str, campaign: Campaign) -> str:
    """What the campaign at `root` is called, such as `digits-6f801a1d-3c09e2`: another root has another name.

    Two roots may hold campaigns of one identifier, as when two teams label the same pool or a prefix was copied.
    """
    return f"{campaign.identifier}-{digest_of_bytes(root.encode())[:ROOT_DIGITS]}"


def runs_named(kubeflow: Kubeflow, name: str, root: str) -> dict[int, Any]:
    """The runs for `root` called `name`, and `name-2`, `name-3` and so on, in any experiment, by number, from 1.

    Where several have the same name, one that has not ended is preferred, because that is the one to know of.
    """
    pattern = re.compile(re.escape(name) + r"(?:-([1-9][0-9]*))?")
    found: dict[int, Any] = {}
    for run in _all(kubeflow, "runs", {"key": "display_name", "operation": "IS_SUBSTRING", "stringValue": name}):
        match = pattern.fullmatch(run.display_name or "")
        if match and _is_for(run, root):
            number = int(match[1] or 1)
            if number not in found or not is_over(run):
                found[number] = run
    return found


def schedules_named(kubeflow: Kubeflow, name: str, root: str) -> list[Any]:
    """The recurring runs for `root` called `name`, in any experiment."""
    found = _all(kubeflow, "recurring_runs", {"key": "display_name", "operation": "EQUALS", "stringValue": name})
    return [schedule for schedule in found if schedule.display_name == name and _is_for(schedule, root)]


def runs_under_way(kubeflow: Kubeflow, schedules: list[Any]) -> list[Any]:
    """The runs that these recurring runs have started and that have not ended."""
    if not schedules:
        return []
    starters = {schedule.recurring_run_id for schedule in schedules}
    states = {"values": ["PENDING", "RUNNING", "PAUSED", "CANCELING"]}
    running = _all(kubeflow, "runs", {"key": "state", "operation": "IN", "stringValues": states})
    return [run for run in running if run.recurring_run_id in starters]


def is_over(run: Any) -> bool:
    """Whether the run has ended, in whatever way."""
    return run.state in ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")


def _is_for(entry: Any, root: str) -> bool:
    """Whether a run or recurring run was created for the campaign at `root`; names are people's to give."""
    parameters = (entry.runtime_config.parameters if entry.runtime_config else None) or {}
    return str(parameters.get("root", "")).rstrip("/") == root


def _all(kubeflow: Kubeflow, kind: Literal["runs", "recurring_runs"], predicate: Mapping[str, object]) -> Iterator[Any]:
    """Every entry that the API's filter lets through, page by page. The database ignores the case of letters."""
    lists = kubeflow.client.list_runs if kind == "runs" else kubeflow.client.list_recurring_runs
    criteria, token = json.dumps({"predicates": [predicate]}), ""
    while True:
        with quiet():
            answer = lists(page_token=token, page_size=PAGE, namespace=kubeflow.namespace, filter=criteria)
        yield from getattr(answer, kind) or []
        token = answer.next_page_token
        if not token:
            return


Created = TypeVar("Created")


def create_once(create: Callable[[], Created], look: Callable[[], Created | None], what: str) -> Created:
    """What `create` makes, or what `look` finds where no answer came back. `create` is called once and never again.

    Args:
        create: sends the request.
        look: finds what the request has made; None where there is nothing.
        what: the thing in words.

    Raises:
        TransientError: nothing was found, or looking failed as well; the command may be run again, as it looks first.
    """
    try:
        return create()
    except TransientError as lost:
        try:
            found = look()
        except TransientError:
            raise TransientError(
                f"It is not known whether {what} was created. {lost} It looks first, and creates none beside it."
            ) from lost
        if found is None:
            raise TransientError(f"{what} was not created. {lost}") from lost
        return found
