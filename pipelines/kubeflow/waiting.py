"""Following a run to its end."""

import time
from collections.abc import Callable
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from labelcycle.components.core.errors import TransientError
from labelcycle.pipelines.kubeflow.connection import Kubeflow, quiet
from labelcycle.pipelines.kubeflow.lookup import is_over

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two looks at a run; each pause is longer than the one before."""

OUTAGE_SECONDS, OUTAGE_PAUSE = 300, 10
"""For how long the API may be away while a run is followed, and how often it is tried."""


def follow(kubeflow: Kubeflow, run_id: str, on_state: Callable[[str], None]) -> Any:
    """The run once it has ended.

    Args:
        kubeflow: where it is.
        run_id: its identifier.
        on_state: called with each state that differs from the one before.

    Raises:
        ConfigurationError: the API does not show the run any more.
        TransientError: the API has been away for too long. The run goes on all the same.
    """
    pause, state = FIRST_PAUSE, None
    while True:
        run = _patiently(kubeflow, run_id)
        if run.state != state:
            state = run.state
            on_state(state or "PENDING")
        if is_over(run):
            return run
        time.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE)


def _patiently(kubeflow: Kubeflow, run_id: str) -> Any:
    attempts = Retrying(
        stop=stop_after_delay(OUTAGE_SECONDS),
        wait=wait_fixed(OUTAGE_PAUSE),
        retry=retry_if_exception_type(TransientError),
        reraise=True,
    )
    with quiet():
        return attempts(kubeflow.client.get_run, run_id)


def why_failed(run: Any) -> str:
    """The tasks of a run that failed and what the API says of them, in words; empty where it says nothing."""
    tasks = (run.run_details.task_details if run.run_details else None) or []
    failed = sorted({task.display_name or "" for task in tasks if task.state == "FAILED"} - {""})
    said = [run.error.message] if run.error and run.error.message else []
    return ". ".join(([f"Failed: {', '.join(failed)}"] if failed else []) + said)
