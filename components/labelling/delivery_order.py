"""The order in which people see a query: best pick first, but that samples to test with stand among the others."""

import numpy as np
import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.features.ordering import keyed_order


def as_delivered(query: pa.Table, campaign: Campaign, cycle: int) -> pa.Table:
    """The rows of a query in the order for people.

    The first query of a campaign whose budget pays for the test set is mixed by a seeded order. It begins with the
    samples to test with, and who labels from the top and stops early would else leave nothing to learn from.

    Args:
        query: rows of `QUERY`, best pick first.
        campaign: whose query it is.
        cycle: its cycle.
    """
    if cycle > 0 or not campaign.test_from_budget:
        return query
    numbers = keyed_order(query["sample_id"].to_pylist(), campaign.seed, "delivery")
    return query.take(pa.array(np.argsort(numbers, kind="stable")))
