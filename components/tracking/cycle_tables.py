"""A cycle's tables as MLflow shows them, in the form of `mlflow.log_table`: JSON of columns and rows, and a tag."""

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import TEST_PREDICTIONS, read_table

MOST_ROWS = 5000
"""Of a table in MLflow; the store has them all."""

TABLES = "mlflow.loggedArtifacts"
"""The tag by which MLflow's page knows which artifacts are tables."""

OF_THE_QUERY = ["rank", "sample_id", "predicted", "confidence", "score", "reason"]


@dataclass(frozen=True)
class ShownTable:
    """Column names, and rows of plain values."""

    columns: list[str]
    rows: list[list[Any]]

    def as_json(self) -> bytes:
        """As `pandas.DataFrame.to_json(orient="split", index=False)` writes it."""
        return json.dumps({"columns": self.columns, "data": self.rows[:MOST_ROWS]}, ensure_ascii=False).encode()


def cycle_tables(store: Store, commit: Commit, metrics: CycleMetrics) -> dict[str, bytes]:
    """The tables of a cycle that trained, by file name.

    `predictions.json` has what the model says of the samples that it asks for, the confusion matrix is listed by pairs
    of classes, the most frequent first, and where the test set can grow, what the model says of it is there too.
    """
    query = read_query(store, commit.objects["query"])
    tables = {
        "predictions.json": _shown(query, [name for name in OF_THE_QUERY if name in query.column_names]),
        "confusion.json": _confusion(metrics),
    }
    if "test_predictions" in commit.objects:
        tested = read_table(store, commit.objects["test_predictions"], TEST_PREDICTIONS)
        tables["test_predictions.json"] = _shown(tested, tested.column_names)
    return {name: table.as_json() for name, table in tables.items() if table.rows}


def tag_of_tables(names: list[str]) -> str:
    """The value of the tag for these files."""
    return json.dumps([{"path": name, "type": "table"} for name in names])


def _shown(table: pa.Table, columns: list[str]) -> ShownTable:
    rows = table.select(columns).slice(0, MOST_ROWS).to_pylist()
    return ShownTable(columns, [[_plain(row[name]) for name in columns] for row in rows])


def _plain(value: Any) -> Any:
    """JSON has neither NaN nor infinity."""
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def _confusion(metrics: CycleMetrics) -> ShownTable:
    names = [one.name for one in metrics.classes]
    cells = [
        [true, predicted, count]
        for true, row in zip(names, metrics.confusion, strict=True)
        for predicted, count in zip(names, row, strict=True)
        if count
    ]
    return ShownTable(["label", "predicted", "samples"], sorted(cells, key=lambda cell: -cell[2]))
