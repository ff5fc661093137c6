"""Tags by which runs, models and model versions are found again, and the names that they are shown under."""

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.commits import Commit

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
KFP_RUN = "kfp.run_id"
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
LONGEST = 5000
"""MLflow's databases hold so many characters of a tag."""


def padded(cycle: int) -> str:
    """The cycle's number as tags hold it, so that MLflow's table sorts by it as by a number."""
    return f"{cycle:04d}"


def campaign_title(campaign: Campaign) -> str:
    """The name of the campaign's run, which no other campaign has."""
    return campaign.identifier


def cycle_title(campaign: Campaign, cycle: int) -> str:
    """The name of a cycle's run: the table sorted by name has each campaign's runs together, in order."""
    return f"{campaign_title(campaign)} cycle {padded(cycle)}"


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
