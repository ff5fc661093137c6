"""The random arm of a campaign: what random labels would have brought, where a backtest lies in the campaign's root."""

import numpy as np
import pyarrow as pa

from labelcycle.components.core.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.tables import table_in
from labelcycle.components.evaluate.savings import Curve

RESULTS = "backtest/results.parquet"
"""Where `labelcycle backtest … --out ROOT/backtest` leaves its results."""

STRATEGY = "random"


def read_random_arm(store: Store) -> Curve | None:
    """The mean learning curve of the random arm, over its seeds; None where the root has no backtest with one.

    A file that cannot be read is told, and taken for none.
    """
    if not store.exists(RESULTS):
        return None
    try:
        table = table_in(store.read(RESULTS), ["strategy", "labels", "accuracy"])
        rows = [row for row in table.to_pylist() if row["strategy"] == STRATEGY]
        labels = sorted({int(row["labels"]) for row in rows})
        means = [float(np.mean([row["accuracy"] for row in rows if row["labels"] == count])) for count in labels]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        notice(f"{store.locate(RESULTS)} has no results of a backtest, so no random arm is shown: {error}")
        return None
    return Curve(labels, means) if labels else None
