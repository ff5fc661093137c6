"""Trying a stage again within its process, for platforms that do not start a failed task again.

Kubeflow Pipelines 2.17 starts a task again whose pod was lost, but not one whose stage has failed. So its pods set two
environment variables, and a stage that failed in a way that may pass is run again where it is. Without them a stage is
run once, and who started it decides.
"""

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.logging.events import notice
from labelcycle.components.core.logging.failures import TRY_AGAIN, exit_code_of
from labelcycle.components.core.runtime.stage_deadline import name_in_profiles, stage_deadline

RETRIES = "LABELCYCLE_STAGE_RETRIES"
"""The environment variable with the number of further tries; none where it is missing."""

BACKOFF_SECONDS = "LABELCYCLE_STAGE_BACKOFF_SECONDS"
"""The environment variable with the seconds to wait before the second try; each later wait is twice as long."""

DEFAULT_BACKOFF_SECONDS, LONGEST_WAIT_SECONDS = 30.0, 3600.0

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def with_retries(run: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """`run` of a stage, tried again after errors that may pass, as often as the environment says.

    Every stage may be repeated: it resumes from what is in the root. Each wait is logged with its reason, and
    a try that ended with one of labelcycle's own errors leaves its timing beside the attempt, marked as failed. All
    tries together have the time that the environment gives the stage, as they share one pod.

    Raises:
        ConfigurationError: one of the two variables is no number, or is negative.
        Exception: what the last try raised, or any try that a repetition would only fail again.
    """

    @functools.wraps(run)
    def repeated(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        retries, backoff = int(_number(RETRIES, 0)), _number(BACKOFF_SECONDS, DEFAULT_BACKOFF_SECONDS)
        attempts = Retrying(
            stop=stop_after_attempt(retries + 1),
            wait=wait_exponential(multiplier=backoff, exp_base=2, max=LONGEST_WAIT_SECONDS),
            retry=retry_if_exception(lambda error: exit_code_of(error) == TRY_AGAIN),
            before_sleep=lambda state: _report(state, retries),
            reraise=True,
        )
        with stage_deadline(name_in_profiles(run.__module__)):
            return attempts(run, *args, **kwargs)

    return repeated


def _report(state: RetryCallState, retries: int) -> None:
    assert state.outcome is not None and state.next_action is not None
    error = state.outcome.exception()
    notice(
        f"Try {state.attempt_number} of {retries + 1} failed in a way that may pass ({type(error).__name__}: "
        f"{str(error).rstrip('.')}). "
        f"Trying again in {state.next_action.sleep:g} seconds."
    )


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable, "").strip()
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ConfigurationError(
            f"{variable} is {text!r}, which is not a number of 0 or more. Correct it in the profile."
        )
    return number
