"""A campaign in MLflow: one run for the campaign, and below it one for each committed cycle."""

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.tracking import experiments as tags
from labelcycle.components.tracking.campaign_params import amendments_in_words, campaign_settings, cycle_settings
from labelcycle.components.tracking.experiments import experiment_id, prepared_run
from labelcycle.components.tracking.location import TrackingLocation, tracking_location
from labelcycle.components.tracking.mlflow_session import mlflow_at
from labelcycle.components.tracking.promoting import judge_new_cycles
from labelcycle.components.tracking.promotion_history import PromotionHistory

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def track_campaign(root: str) -> list[int]:
    """Judge every model that the campaign's history of promotions lacks, and log every cycle that MLflow lacks.

    The judgements are in the campaign's store, so there is a champion whether MLflow answers or not; its alias and the
    tags of its versions follow them. Runs are found again by their tags, so calling this twice adds nothing, and a
    cycle whose logging was cut short is completed.

    Args:
        root: the campaign's folder or S3 prefix.

    Returns:
        The cycles that were logged, in order.

    Raises:
        TransientError: MLflow cannot be reached or failed; what is missing is logged by the next call.
        ConfigurationError: MLflow refuses the credentials or the settings.

    Cost: importing mlflow, a look-up and a search, then what `log_cycle` takes for each cycle that is missing.
    """
    store = open_store(root)
    state = read_state(store)
    if not state.commits:
        return []
    history = judge_new_cycles(store, state)
    location = tracking_location(store)
    with mlflow_at(location):
        return _track(store, state, history, location)


def _track(store: Store, state: State, history: PromotionHistory, location: TrackingLocation) -> list[int]:
    from mlflow import MlflowClient

    from labelcycle.components.tracking.cycle_run import TrackedCycle, log_cycle
    from labelcycle.components.tracking.model_registry import follow_promotions

    client = MlflowClient(tracking_uri=location.uri, registry_uri=location.registry_uri)
    prepared = prepared_run(client)
    experiment = experiment_id(client, location, prepared)
    known = _find_runs(client, experiment, state.campaign)
    _refuse_another_history(known, state, location)
    missing = [commit for commit in state.commits if not _is_complete(known.cycles.get(commit.cycle))]
    if missing or known.campaign is None:
        parent = known.campaign or _create_campaign_run(client, experiment, store, state.campaign)
        begun = state.campaign if state.amended is None else state.amended.begun
        if not parent.data.params:
            _log_settings(client, parent, begun)
        _tell_amendments(client, parent, state)
        for commit in missing:
            newest = commit.cycle == state.commits[-1].cycle
            run = known.cycles.get(commit.cycle)
            campaign = state.campaign_of(commit)
            if run is None:
                title = tags.cycle_title(campaign, state.summaries[commit.cycle])
                marks = _marks_of_cycle(campaign, commit, newest)
                run = _begin_cycle_run(client, parent, title, marks, prepared if newest else None)
            settings = cycle_settings(campaign, begun)
            log_cycle(client, TrackedCycle(store, campaign, commit, run, parent, history, settings))
        known = KnownRuns(parent, known.cycles)
    if not missing:
        follow_promotions(client, state.campaign, history)
    if state.phase == "done" and known.campaign is not None:
        _mark_as_done(client, known.campaign, state.why_done)
    elif known.campaign is not None and tags.ENDED in known.campaign.data.tags:
        _mark_as_running(client, known.campaign)
    return [commit.cycle for commit in missing]


def _mark_as_done(client: "MlflowClient", run: "Run", reason: str) -> None:
    if run.data.tags.get(tags.ENDED) != reason:
        client.set_tag(run.info.run_id, tags.ENDED, reason)
    if run.info.status != "FINISHED":
        client.set_terminated(run.info.run_id, "FINISHED")


def _mark_as_running(client: "MlflowClient", run: "Run") -> None:
    """Of a campaign that was done and goes on, since it was amended."""
    client.delete_tag(run.info.run_id, tags.ENDED)
    client.update_run(run.info.run_id, status="RUNNING")


@dataclass(frozen=True)
class KnownRuns:
    """The runs that MLflow has of a campaign."""

    campaign: "Run | None"
    cycles: "dict[int, Run]"


def _find_runs(client: "MlflowClient", experiment: str, campaign: Campaign) -> KnownRuns:
    """The campaign's run and its cycles' runs; the oldest where two processes made one each."""
    parent: Run | None = None
    cycles: dict[int, Run] = {}
    token: str | None = None
    while True:
        page: Any = client.search_runs(
            [experiment], tags.of_campaign(campaign), order_by=["attributes.start_time ASC"], page_token=token
        )
        for run in page:
            if run.data.tags.get(tags.KIND) == "campaign":
                parent = parent or run
            elif tags.CYCLE in run.data.tags:
                cycles.setdefault(int(run.data.tags[tags.CYCLE]), run)
        token = page.token
        if not token:
            return KnownRuns(parent, cycles)


def _refuse_another_history(known: KnownRuns, state: State, location: TrackingLocation) -> None:
    """Two roots may hold the same campaign with different labels; their runs must not be taken for each other's.

    Raises:
        ConfigurationError: MLflow has a cycle of this campaign that was committed differently.
    """
    for commit in state.commits:
        run = known.cycles.get(commit.cycle)
        if run is not None and run.data.tags.get(tags.COMMIT) != commit.digest:
            other = known.campaign.data.tags.get(tags.ROOT) if known.campaign else "another root"
            raise ConfigurationError(
                f"MLflow at {location.address} has another cycle {commit.cycle} of campaign "
                f"{state.campaign.identifier!r}, from {other}: the same campaign was run twice, with different labels. "
                "Set MLFLOW_EXPERIMENT_NAME to another name for this one."
            )


def _is_complete(run: "Run | None") -> bool:
    return run is not None and tags.COMPLETE in run.data.tags


def _create_campaign_run(client: "MlflowClient", experiment: str, store: Store, campaign: Campaign) -> "Run":
    recipe = campaign.recipe
    return client.create_run(
        experiment,
        start_time=_now(),
        run_name=tags.campaign_title(campaign),
        tags={
            tags.CAMPAIGN: campaign.identifier,
            tags.KIND: "campaign",
            tags.ROOT: store.root,
            tags.NOTE: f"{recipe.summary}\n\nMethod: {recipe.name}. Source: {recipe.source}.",
        },
    )


def _log_settings(client: "MlflowClient", parent: "Run", campaign: Campaign) -> None:
    from mlflow.entities import Param

    params = [Param(name, str(value)) for name, value in campaign_settings(campaign).items()]
    client.log_batch(parent.info.run_id, params=params)


def _tell_amendments(client: "MlflowClient", parent: "Run", state: State) -> None:
    told = "" if state.amended is None else amendments_in_words(state.amended)[: tags.LONGEST]
    if told and parent.data.tags.get(tags.AMENDMENTS) != told:
        client.set_tag(parent.info.run_id, tags.AMENDMENTS, told)


def _marks_of_cycle(campaign: Campaign, commit: Commit, newest: bool) -> dict[str, str]:
    """The tags of a cycle's run; this process's pipeline run is that of the newest cycle."""
    marks = {tags.KIND: "cycle", **tags.identity(campaign, commit)}
    if newest and (pipeline_run := os.environ.get("KFP_RUN_ID")):
        marks[tags.KFP_RUN] = pipeline_run
    return marks


def _begin_cycle_run(
    client: "MlflowClient", parent: "Run", title: str, marks: dict[str, str], prepared: "Run | None"
) -> "Run":
    """A new run for a cycle; or the one that a platform has prepared for this process, which keeps its name."""
    if prepared is not None and tags.KIND not in prepared.data.tags:  # else it is in use for another cycle
        return _adopt(client, prepared, {tags.PARENT: parent.info.run_id, **prepared.data.tags, **marks})
    return client.create_run(
        parent.info.experiment_id,
        start_time=_now(),
        run_name=title,
        tags={tags.PARENT: parent.info.run_id, **marks},
    )


def _adopt(client: "MlflowClient", run: "Run", marks: dict[str, str]) -> "Run":
    """Set the tags that `run` does not have yet. A parent that the platform has given it stays its parent."""
    from mlflow.entities import RunTag

    new = [RunTag(name, value) for name, value in marks.items() if run.data.tags.get(name) != value]
    client.log_batch(run.info.run_id, tags=new)
    return run


def _now() -> int:
    return int(time.time() * 1000)
