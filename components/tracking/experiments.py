"""The MLflow experiment that runs are logged to, and the tags by which runs, models and versions are found again."""

import os
from typing import TYPE_CHECKING

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.tracking.location import TrackingLocation

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


EXPERIMENT = "labelcycle"
BACKTESTS = "-backtests"
"""Ends the name of the experiment that backtests have to themselves."""


def prepared_run(client: "MlflowClient") -> "Run | None":
    """The run that a platform has prepared for this process, and named in `MLFLOW_RUN_ID`; None where there is none."""
    injected = os.environ.get("MLFLOW_RUN_ID")
    return client.get_run(injected) if injected else None


def experiment_id(client: "MlflowClient", location: TrackingLocation, prepared: "Run | None", ending: str = "") -> str:
    """The id of the experiment to log to: the one that the platform chose, or one by name, created if need be.

    Args:
        client: of MLflow.
        location: where that is.
        prepared: the run that the platform has prepared; None where there is none.
        ending: of the name, for what has an experiment of its own beside the campaigns'.

    Raises:
        ConfigurationError: the experiment of that name has been deleted.
    """
    if prepared is not None:
        experiment: str = prepared.info.experiment_id
        return experiment
    if chosen := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return chosen
    name = (os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT) + ending
    existing = client.get_experiment_by_name(name)
    if existing is None:
        return _create_experiment(client, name, location)
    if existing.lifecycle_stage != "active":
        raise ConfigurationError(
            f"MLflow experiment {name!r} at {location.address} has been deleted. Restore it "
            f"(mlflow experiments restore -x {existing.experiment_id}), or set MLFLOW_EXPERIMENT_NAME to another name."
        )
    found: str = existing.experiment_id
    return found


def _create_experiment(client: "MlflowClient", name: str, location: TrackingLocation) -> str:
    from mlflow.exceptions import MlflowException

    try:
        created: str = client.create_experiment(name, artifact_location=location.artifacts)
        return created
    except MlflowException:
        # Another process may have created it between our question and our answer.
        existing = client.get_experiment_by_name(name)
        if existing is None:
            raise
        found: str = existing.experiment_id
        return found


CAMPAIGN = "labelcycle.campaign"
CYCLE = "labelcycle.cycle"
KIND = "labelcycle.kind"
ATTEMPT = "labelcycle.attempt"
COMMIT = "labelcycle.commit"
ROOT = "labelcycle.root"
COMPLETE = "labelcycle.complete"
DECISION = "labelcycle.decision"
ACCURACY = "labelcycle.accuracy"
TEST_SET = "labelcycle.test_set"
ENDED = "labelcycle.ended"
PROMOTION = "labelcycle.promotion"
PROMOTION_OUTCOME = "labelcycle.promotion.outcome"
PROMOTION_BY = "labelcycle.promotion.by"
PROMOTION_TIME = "labelcycle.promotion.time"
AMENDMENTS = "labelcycle.amendments"
BACKBONE = "labelcycle.backbone"
MODEL_FORMAT = "labelcycle.model_format"
KFP_RUN = "kfp.run_id"
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
LONGEST_NAME = 250
"""MLflow's databases hold so many characters of a run's name."""
LONGEST = 5000
"""MLflow's databases hold so many characters of a tag."""


def padded(cycle: int) -> str:
    """The cycle's number as tags hold it, so that MLflow's table sorts by it as by a number."""
    return f"{cycle:04d}"


def campaign_title(campaign: Campaign) -> str:
    """The name of the campaign's run, which no other campaign has."""
    return campaign.identifier


def cycle_title(campaign: Campaign, summary: CycleSummary) -> str:
    """The name of a cycle's run, with labels and accuracy: the table sorted by name has a campaign's runs in order."""
    measured = f", {summary.accuracy_in_words}" if summary.trained else ""
    title = f"{campaign_title(campaign)} cycle {padded(summary.cycle)}: {summary.labels} labels{measured}"
    return title[:LONGEST_NAME]


def of_campaign(campaign: Campaign) -> str:
    """MLflow's search filter for everything of one campaign."""
    return f"tags.`{CAMPAIGN}` = '{campaign.identifier}'"


def of_commit(commit: Commit) -> str:
    """MLflow's search filter for everything of one committed cycle."""
    return f"tags.`{COMMIT}` = '{commit.digest}'"


def identity(campaign: Campaign, commit: Commit) -> dict[str, str]:
    """The tags that these filters find, on whatever belongs to a cycle."""
    return {
        CAMPAIGN: campaign.identifier,
        CYCLE: padded(commit.cycle),
        ATTEMPT: commit.attempt,
        COMMIT: commit.digest,
    }
