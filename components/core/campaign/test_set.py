"""The test set: known when the campaign began, or random samples of the pool that become it as people label them.

Such samples are drawn when the campaign begins, stand in the split `test` of the pool's table, and are asked for by the
first query. So they are never candidates of a strategy, and their labels, which come with all others, are never learnt
from. One that has no label is not in the test set yet.
"""

from collections.abc import Mapping

import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool import load_truth
from labelcycle.components.core.campaign.pool_ids import ids_in_split, ids_of_split
from labelcycle.components.core.storage import Store


def asked_to_test_with(store: Store, campaign: Campaign) -> list[str]:
    """Ids of the test samples whose labels people give, sorted; none where the test set was known from the start.

    Cost: none in that case; else that of `ids_of_split`.
    """
    return ids_of_split(store, campaign, "test") if campaign.test_from_budget else []


def never_learnt_from(store: Store, campaign: Campaign) -> list[str]:
    """Ids of the test samples that may have labels of people, sorted.

    Those of an amended campaign may: a cycle that had begun may ask for what an amendment takes into the test set.

    Cost: none where the test set was known from the start and nothing was amended; else that of `ids_of_split`.
    """
    asked = campaign.test_from_budget > 0 or campaign.is_amended
    return ids_of_split(store, campaign, "test") if asked else []


def to_learn_from(store: Store, campaign: Campaign, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that may be learnt from, by id: those of people without the test samples."""
    testing = set(never_learnt_from(store, campaign))
    return {name: label for name, label in labels.items() if name not in testing}


def to_test_with(store: Store, campaign: Campaign, pool_ids: pa.Table, labels: Mapping[str, str]) -> dict[str, str]:
    """The class of each test sample that has one, by id, sorted.

    Args:
        store: the campaign's.
        campaign: the campaign.
        pool_ids: its ids with their splits, rows of `POOL_IDS`.
        labels: what people gave, by id.
    """
    known = labels if campaign.test_from_budget else load_truth(store, campaign)
    return {name: known[name] for name in ids_in_split(pool_ids, "test") if name in known}
