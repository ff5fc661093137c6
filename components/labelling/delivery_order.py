"""A query as people get to see it: in which order, and with what beside each sample."""

import numpy as np
import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.features.ordering import keyed_order


def as_delivered(query: pa.Table, campaign: Campaign, cycle: int) -> pa.Table:
    """The rows of a query in the order for people, and with what they may know.

    The first query of a campaign whose budget pays for the test set is mixed by a seeded order. It begins with the
    samples to test with, and who labels from the top and stops early would else leave nothing to learn from.

    Where labels are asked for again, people see neither predictions nor reasons, of any row. Rechecks have no
    prediction, and so would be known by that; who knows that a label was doubted is apt to change it.

    Args:
        query: rows of `QUERY`, best pick first.
        campaign: whose query it is.
        cycle: its cycle.
    """
    if campaign.recipe.selector.recheck or query["recheck"].null_count < query.num_rows:
        query = _blind(query)
    if cycle > 0 or not campaign.test_from_budget:
        return query
    numbers = keyed_order(query["sample_id"].to_pylist(), campaign.seed, "delivery")
    return query.take(pa.array(np.argsort(numbers, kind="stable")))


def _blind(query: pa.Table) -> pa.Table:
    """The query without what would tell rechecks from other rows."""
    for name in ("predicted", "confidence", "score"):
        query = query.set_column(query.schema.get_field_index(name), query.schema.field(name), _nulls(query, name))
    reasons = pa.repeat(pa.scalar("", pa.string()), query.num_rows)
    return query.set_column(query.schema.get_field_index("reason"), query.schema.field("reason"), reasons)


def _nulls(query: pa.Table, name: str) -> pa.Array:
    return pa.nulls(query.num_rows, query.schema.field(name).type)
