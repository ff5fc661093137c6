"""Samples to test with: the first query asks for them, in a random order, before the picks of its strategy."""

import numpy as np
import pyarrow as pa

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.test_set import asked_to_test_with
from labelcycle.components.core.features.ordering import keyed_order

REASON = "to test with: drawn at random, never learnt from"


def rows_to_test_with(work: Attempt, schema: pa.Schema) -> pa.Table:
    """Rows of a query for the test samples that people have to label, within the query's size; none in later cycles.

    They carry no prediction, so as not to sway.
    """
    if work.cycle > 0:
        return schema.empty_table()
    ids = asked_to_test_with(work.store, work.campaign)
    order = np.argsort(keyed_order(ids, work.campaign.seed, "test set"), kind="stable")[: work.decision.query_size]
    rows = [
        {"sample_id": ids[row], "rank": rank, "reason": REASON, "explore": False, "opinion": 1}
        for rank, row in enumerate(order.tolist(), start=1)
    ]
    return pa.Table.from_pylist(rows, schema=schema)
