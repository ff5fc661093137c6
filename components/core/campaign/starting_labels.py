"""Labels of the pool that a campaign begins with (`--known-labels`), so that its first cycle trains already."""

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import TRUTH, read_table

FOLDER = "known"


def starting_votes(store: Store, campaign: Campaign) -> list[Vote]:
    """A vote for each label that the campaign begins with, sorted by sample; none where it begins without.

    Raises:
        CampaignError: the table of labels is gone or damaged.
    """
    if campaign.known_labels is None:
        return []
    reference = campaign.known_labels.table
    table = read_table(store, reference, TRUTH)
    rows = zip(table["sample_id"].to_pylist(), table["label"].to_pylist(), strict=True)
    return [Vote(name, "", campaign.class_of(label), "ok", "", reference.key) for name, label in sorted(rows)]


def starting_answers(store: Store, campaign: Campaign) -> int:
    """How many of these labels count in the budget, and are paid for."""
    known = campaign.known_labels
    return 0 if known is None or not known.in_budget else read_table(store, known.table, TRUTH).num_rows
