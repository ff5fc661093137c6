"""`labelcycle submit`: the campaign's next cycle as one run of Kubeflow Pipelines, created once and followed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.label_ingest.collected_labels import check_finalizable, without_final_training
from labelcycle.pipelines.kubeflow.cluster_campaign import ClusterCampaign
from labelcycle.pipelines.kubeflow.connection import Kubeflow, quiet
from labelcycle.pipelines.kubeflow.lookup import (
    create_once,
    is_over,
    name_at,
    runs_named,
    runs_under_way,
    schedules_named,
)
from labelcycle.pipelines.kubeflow.run_request import RunRequest


@dataclass(frozen=True)
class Submission:
    """What came of a submission.

    Attributes:
        state: of the campaign when it was asked for.
        name: of the run; empty where the campaign needs none.
        run: as the API describes it; None where there is none.
        created: whether this call created it.
        reason: why no run is needed.
    """

    state: State
    name: str = ""
    run: Any = None
    created: bool = False
    reason: str = ""


def submit(
    kubeflow: Kubeflow,
    campaign: ClusterCampaign,
    request: RunRequest,
    finalize: bool = False,
    end_early: bool = False,
    dry_run: bool = False,
) -> Submission:
    """Create a run of the campaign's next cycle, unless one is under way or there is nothing left to do.

    The name says campaign, root and cycle, so that asking twice finds the first run. A run of that name that has ended
    left the campaign where it is, because labels were awaited or a stage failed; then another one is numbered.

    Args:
        kubeflow: where to.
        campaign: whose next cycle.
        request: what to run.
        finalize: train the final model instead.
        end_early: finalize although labels of the budget are left.
        dry_run: look, but create nothing.

    Raises:
        ConfigurationError: the campaign cannot be finalized, or the API refuses the run.
        TransientError: the API cannot be reached; or the campaign is to be finalized while one of its cycles runs.
    """
    while True:
        state = campaign.read()
        reason = _nothing_to_do(state, finalize, end_early)
        if reason:
            return Submission(state, reason=reason)
        name = run_name(campaign.root, state, finalize)
        runs = runs_named(kubeflow, name, campaign.root)
        under_way = [run for run in runs.values() if not is_over(run)]
        if not finalize:
            schedules = schedules_named(kubeflow, name_at(campaign.root, state.campaign), campaign.root)
            under_way += runs_under_way(kubeflow, schedules)
        if under_way:
            return Submission(state, under_way[0].display_name, under_way[0])
        _check_none_at_work(kubeflow, run_name(campaign.root, state, not finalize), campaign.root)
        if not runs or len(campaign.read().commits) == len(state.commits):
            break  # else the run that has ended has moved the campaign on since its state was read
    name = f"{name}-{max(runs) + 1}" if runs else name
    if dry_run:
        return Submission(state, name)
    return Submission(state, name, _create(kubeflow, request, name, campaign.root, state, finalize), created=True)


def run_name(root: str, state: State, finalize: bool) -> str:
    """The name of the run for the campaign's next cycle, such as `digits-6f801a1d-3c09e2-cycle-0007`."""
    return f"{name_at(root, state.campaign)}-{'final' if finalize else f'cycle-{len(state.commits):04d}'}"


def _create(kubeflow: Kubeflow, request: RunRequest, name: str, root: str, state: State, finalize: bool) -> Any:
    def create() -> Any:
        with quiet():
            return kubeflow.client.run_pipeline(job_name=name, **job)

    def look() -> Any:
        return next((run for run in runs_named(kubeflow, name, root).values() if run.display_name == name), None)

    with request.job(kubeflow, state.campaign, finalize) as job:
        return create_once(create, look, f"Run {name}")


def _nothing_to_do(state: State, finalize: bool, end_early: bool) -> str:
    campaign = state.campaign
    if not finalize:
        if state.phase != "done":
            return ""
        trainable = campaign.recipe.final is not None and state.final is None
        return state.why_done + ("; --finalize trains the final model" if trainable else "")
    if campaign.recipe.final is None:
        return without_final_training(state)
    if state.final is not None:
        return state.why_done
    check_finalizable(state)
    if state.phase != "done" and not end_early:
        raise ConfigurationError(
            f"The campaign goes on: {state.summaries[-1].answers} of {campaign.budget} labels are spent. Submit its "
            "cycles, or end it here with --finalize --end-early."
        )
    return ""


def _check_none_at_work(kubeflow: Kubeflow, name: str, root: str) -> None:
    """A cycle and the final model are the same number in the campaign, so that of two at work one would be in vain."""
    for run in runs_named(kubeflow, name, root).values():
        if not is_over(run):
            raise TransientError(
                f"Run {run.display_name} is still at work on the campaign: {kubeflow.run_page(run.run_id)}. Run the "
                "same command again when it has ended."
            )


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
