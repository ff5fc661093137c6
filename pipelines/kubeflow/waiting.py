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

NOT_STARTED = (None, "", "PENDING", "RUNTIME_STATE_UNSPECIFIED")
"""What the API calls the state of a run whose workflow has not begun."""

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
    pause, shown = FIRST_PAUSE, ""
    while True:
        run = _patiently(kubeflow, run_id)
        state = run.state if run.state not in NOT_STARTED else "PENDING"
        if state != shown:
            shown = state
            on_state(state)
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
