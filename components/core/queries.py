"""What has been asked so far: the queries of the committed cycles."""

import pyarrow as pa

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.objects import ObjectReference
from labelcycle.components.core.schemas import QUERY
from labelcycle.components.core.storage import Store
from labelcycle.components.core.tables import read_table


def read_query(store: Store, reference: ObjectReference) -> pa.Table:
    """A committed query, best pick first."""
    return read_table(store, reference, QUERY)


def queried_ids(attempt: Attempt) -> set[str]:
    """Ids of every sample that was asked for before this cycle, answered or not, and is not asked for again.

    None are where training data is selected, since each loop chooses from the whole pool.
    """
    if attempt.campaign.recipe.data_selection is not None:
        return set()
    ids: set[str] = set()
    for reference in attempt.decision.queries:
        ids.update(read_query(attempt.store, reference)["sample_id"].to_pylist())
    return ids
