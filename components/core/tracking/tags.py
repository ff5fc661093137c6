"""Tags by which runs, models and model versions are found again, and the names that they are shown under."""

from labelcycle.components.core.campaign import Campaign

CAMPAIGN = "labelcycle.campaign"
CYCLE = "labelcycle.cycle"
KIND = "labelcycle.kind"
ATTEMPT = "labelcycle.attempt"
COMMIT = "labelcycle.commit"
ROOT = "labelcycle.root"
COMPLETE = "labelcycle.complete"
ACCURACY = "labelcycle.accuracy"
TEST_SET = "labelcycle.test_set"
PROMOTION = "labelcycle.promotion"
KFP_RUN = "kfp.run_id"
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"


def padded(cycle: int) -> str:
    """The cycle's number as tags hold it, so that MLflow's table sorts by it as by a number."""
    return f"{cycle:04d}"


def of_campaign(campaign: Campaign) -> str:
    """MLflow's search filter for everything of one campaign."""
    return f"tags.`{CAMPAIGN}` = '{campaign.identifier}'"


def of_cycle(campaign: Campaign, cycle: int) -> str:
    """MLflow's search filter for everything of one cycle of a campaign."""
    return f"{of_campaign(campaign)} AND tags.`{CYCLE}` = '{padded(cycle)}'"


def identity(campaign: Campaign, cycle: int) -> dict[str, str]:
    """The tags that `of_cycle` finds."""
    return {CAMPAIGN: campaign.identifier, CYCLE: padded(cycle)}
