"""Which failures of a stage are tried again."""

from hera.workflows import RetryPolicy, RetryStrategy
from hera.workflows.models import Backoff

from labelcycle.pipelines.profiles.profile import Placement

WORTH_ANOTHER_TRY = "lastRetry.exitCode not in ['1', '3']"
"""An expression of Argo's: all but wrong input (1) and a wait for labels (3), which another try cannot mend.

What is left is a failure that may pass (2), a stage that was killed (above 128), a pod that vanished (-1), and a stage
that did its work while Argo could not save its outputs (0). A stage may be repeated at any point.
"""


def retry_strategy(placement: Placement) -> RetryStrategy | None:
    """How often a stage is tried again, and after what wait; None where never."""
    if not placement.retries:
        return None
    return RetryStrategy(
        limit=str(placement.retries),
        retry_policy=RetryPolicy.always,
        expression=WORTH_ANOTHER_TRY,
        backoff=Backoff(duration=f"{placement.backoff_seconds}s", factor="2"),
    )
