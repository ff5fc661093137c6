"""Which failures of a stage are tried again."""

from hera.workflows import RetryPolicy, RetryStrategy
from hera.workflows.models import Backoff

from labelcycle.pipelines.profiles.profile import Placement

ENDED_BY_THE_STAGE = "lastRetry.exitCode in ['1', '3']"
"""An expression of Argo's: wrong input (1), or a wait for labels (3)."""

NEVER_MADE = (
    "(lastRetry.status == 'Error' && lastRetry.message matches "
    "'is forbidden|is invalid|ErrImage|ImagePull|InvalidImageName|CreateContainerConfigError')"
)
"""Kubernetes refuses the pod: its security, a quota, an account or a right that is missing, a wrong field or name.

Argo itself waits where a quota is used up. Pods that were deleted are errors as well, and end in other words.
"""

NEVER_BEGUN = "lastRetry.message matches 'longer than the specified deadline'"
"""The pod was ended at its deadline: its stage never began, as where the image cannot be pulled, or a secret or a
ConfigMap is missing. A stage that began ends at its own time, before the pod's, with exit code 2. Argo 4.0.5 tells the
exit code of such a pod as 137, as if it had been killed at work."""

WORTH_ANOTHER_TRY = f"!({ENDED_BY_THE_STAGE}\n|| {NEVER_MADE}\n|| {NEVER_BEGUN})\n"
"""All but what another try cannot mend.

What is left is a failure that may pass (2), a stage that was killed (above 128), a pod that vanished (-1), and a stage
that did its work while Argo could not save its outputs (0). A stage may be repeated at any point.

Source: argoproj/argo-workflows, buildRetryStrategyLocalScope and inferFailedReason of workflow/controller/operator.go,
in 3.6, 3.7, 4.0 and 4.1 alike. A try without an exit code has -1.
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
