"""What Kubeflow Pipelines has by a name. Names of runs and of recurring runs are not unique there."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from labelcycle.pipelines.kubeflow.connection import Kubeflow, quiet

PAGE = 100


def runs_named(kubeflow: Kubeflow, name: str) -> dict[int, Any]:
    """The runs called `name`, and `name-2`, `name-3` and so on, in any experiment, by that number; the first has 1.

    Where several have the same name, one that has not ended is preferred, because that is the one to know of.
    """
    pattern = re.compile(re.escape(name) + r"(?:-([1-9][0-9]*))?")
    found: dict[int, Any] = {}
    for run in _all(kubeflow, "runs", {"key": "display_name", "operation": "IS_SUBSTRING", "stringValue": name}):
        match = pattern.fullmatch(run.display_name or "")
        if match:
            number = int(match[1] or 1)
            if number not in found or not is_over(run):
                found[number] = run
    return found


def schedules_named(kubeflow: Kubeflow, name: str) -> list[Any]:
    """The recurring runs called `name`, in any experiment."""
    found = _all(kubeflow, "recurring_runs", {"key": "display_name", "operation": "EQUALS", "stringValue": name})
    return [schedule for schedule in found if schedule.display_name == name]


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


def _all(kubeflow: Kubeflow, kind: Literal["runs", "recurring_runs"], predicate: dict[str, Any]) -> Iterator[Any]:
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
