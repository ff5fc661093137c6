"""The CSV that is handed out for labelling."""

import csv
import io
from typing import Any

import pyarrow as pa
import pytest

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.commits import Commit
from labelcycle.components.core.handout import hand_out, handout_key
from labelcycle.components.core.schemas import POOL, QUARANTINE, QUERY
from labelcycle.components.core.storage import Store
from labelcycle.components.core.tables import write_table

IDS = ['odd, "quoted".jpg', "b.jpg", "ünï.jpg"]


@pytest.fixture
def filled(store: Store, campaign: Campaign) -> Campaign:
    """A campaign whose pool has three images."""
    pool = {field.name: [None] * 3 for field in POOL} | {"sample_id": IDS, "split": ["pool"] * 3}
    pool["uri"] = [f"/images/{name}" for name in IDS]
    tables = {
        "pool": write_table(store, "pool.parquet", pa.table(pool, schema=POOL)),
        "quarantine": write_table(store, "quarantine.parquet", QUARANTINE.empty_table()),
    }
    return campaign.model_copy(update=tables)


def commit(store: Store, rows: int = 3) -> Commit:
    columns: dict[str, Any] = {
        "sample_id": IDS[:rows],
        "rank": list(range(1, rows + 1)),
        "score": [0.5] * rows,
        "reason": ["entropy 0.500"] * rows,
        "cluster": [None] * rows,
        "predicted": ["cat", None, "dog"][:rows],
        "confidence": [0.5] * rows,
        "represents": [None] * rows,
        "explore": [False] * rows,
    }
    reference = write_table(store, "query.parquet", pa.table(columns, schema=QUERY))
    return Commit(cycle=3, attempt="a", objects={"query": reference})


def rows_of(store: Store) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(store.read(handout_key(3)).decode(), newline="")))


def test_every_pick_has_a_row_to_fill_in(store: Store, filled: Campaign) -> None:
    assert hand_out(store, filled, commit(store)) == handout_key(3) == "queries/cycle-0003.csv"
    rows = rows_of(store)
    assert [row["sample_id"] for row in rows] == IDS
    assert [row["uri"] for row in rows] == [f"/images/{name}" for name in IDS]
    assert [row["predicted"] for row in rows] == ["cat", "", "dog"]
    assert all(row["label"] == "" for row in rows)


def test_it_is_never_replaced(store: Store, filled: Campaign) -> None:
    store.write(handout_key(3), b"somebody's work")
    assert hand_out(store, filled, commit(store)) == handout_key(3)
    assert store.read(handout_key(3)) == b"somebody's work"


def test_an_empty_query_is_not_handed_out(store: Store, filled: Campaign) -> None:
    assert hand_out(store, filled, commit(store, rows=0)) is None
    assert not store.exists(handout_key(3))
