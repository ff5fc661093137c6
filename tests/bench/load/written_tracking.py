"""What MLflow has of a campaign whose cycles are all recorded: runs and registered versions with their tags."""

import time

from mlflow import MlflowClient

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking import experiments as tags
from labelcycle.components.tracking.experiments import experiment_id, prepared_run
from labelcycle.components.tracking.location import tracking_location
from labelcycle.components.tracking.model_registry import registered_name
from labelcycle.components.tracking.promoting import judge_new_cycles


def write_tracking(root: str) -> None:
    """Write a run for each commit, and a version for each model with the tags of its judgement."""
    store = open_store(root)
    state = read_state(store)
    location = tracking_location(store)
    client = MlflowClient(tracking_uri=location.uri, registry_uri=location.registry_uri)
    experiment = experiment_id(client, location, prepared_run(client))
    now = int(time.time() * 1000)
    identity = {tags.CAMPAIGN: state.campaign.identifier}
    parent = client.create_run(experiment, now, identity | {tags.KIND: "campaign"})
    client.log_param(parent.info.run_id, "recipe", state.campaign.recipe.name)
    history = judge_new_cycles(store, state)
    name = registered_name(state.campaign)
    client.create_registered_model(name, tags=identity)
    for commit in state.commits:
        marks = tags.identity(state.campaign, commit)
        own = {tags.KIND: "cycle", tags.COMPLETE: "true", tags.PARENT: parent.info.run_id}
        run = client.create_run(experiment, now, {**marks, **own})
        client.set_terminated(run.info.run_id)
        judged = history.last_about(commit.digest)
        if judged is not None:
            told = {
                tags.PROMOTION: judged.summary[: tags.LONGEST],
                tags.PROMOTION_OUTCOME: judged.outcome,
                tags.PROMOTION_BY: judged.by,
                tags.PROMOTION_TIME: judged.time,
            }
            client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id, {**marks, **told})
