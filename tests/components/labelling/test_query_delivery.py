"""The CSV that is delivered for labelling."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import sealed
from labelcycle.components.core.storage.tables import POOL, QUARANTINE, QUERY, write_table
from labelcycle.components.labelling.delivery_record import delivery_key, delivery_record_key, read_delivery_record
from labelcycle.components.labelling.query_delivery import deliver_query
from labelcycle.components.labelling.sample_ids import SampleIds

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


def commit(store: Store, rows: int = 3, rechecks: int = 0) -> Commit:
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
        "opinion": [1] * rows,
        "probabilities": [None] * rows,
        "recheck": [True] * rechecks + [None] * (rows - rechecks),
    }
    reference = write_table(store, "query.parquet", pa.table(columns, schema=QUERY))
    return Commit(cycle=3, attempt="a", objects={"query": reference})


def rows_of(store: Store) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(store.read(delivery_key(3)).decode(), newline="")))


def test_rows_of_a_query_with_rechecks_say_nothing_of_what_is_known(store: Store, filled: Campaign) -> None:
    """Also where nothing more is to be asked again meanwhile."""
    deliver_query(store, filled, commit(store, rechecks=1))
    assert [(row["predicted"], row["reason"]) for row in rows_of(store)] == [("", "")] * 3


def test_every_pick_has_a_row_to_fill_in(store: Store, filled: Campaign) -> None:
    assert deliver_query(store, filled, commit(store)) == store.locate("queries/cycle-0003.csv")
    rows = rows_of(store)
    assert [row["sample_id"] for row in rows] == IDS
    assert [row["uri"] for row in rows] == [f"/images/{name}" for name in IDS]
    assert [row["predicted"] for row in rows] == ["cat", "", "dog"]
    assert all(row["label"] == "" for row in rows)


def test_it_is_never_replaced(store: Store, filled: Campaign) -> None:
    store.write(delivery_key(3), b"somebody's work")
    assert deliver_query(store, filled, commit(store)) == store.locate(delivery_key(3))
    assert store.read(delivery_key(3)) == b"somebody's work"


def test_an_empty_query_is_not_handed_out(store: Store, filled: Campaign) -> None:
    assert deliver_query(store, filled, commit(store, rows=0)) is None
    assert not store.exists(delivery_key(3))
    assert read_delivery_record(store, 3) is None


def test_the_receipt_says_where_and_since_when(store: Store, filled: Campaign) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    place = deliver_query(store, filled, commit(store))
    receipt = read_delivery_record(store, 3)
    assert receipt is not None
    assert receipt.place == place and before <= receipt.handed_out <= datetime.now(UTC)


def test_the_first_receipt_stays(store: Store, filled: Campaign) -> None:
    deliver_query(store, filled, commit(store))
    first = store.read(delivery_record_key(3))
    store.write(delivery_record_key(3), first.replace(b"20", b"19"))
    deliver_query(store, filled, commit(store))
    assert store.read(delivery_record_key(3)) == first.replace(b"20", b"19")


@pytest.mark.parametrize("content", [b"", b"{}", sealed({"handed_out": "yesterday", "place": ""})])
def test_a_damaged_receipt_is_named(store: Store, content: bytes) -> None:
    store.write(delivery_record_key(3), content)
    with pytest.raises(CampaignError, match="cycle-0003.json is not a delivery record.* Delete it"):
        read_delivery_record(store, 3)


def test_several_people_get_a_row_each_and_a_column_for_their_name(store: Store, filled: Campaign) -> None:
    two = filled.model_copy(update={"labelling": Labelling(quorum=2)})
    deliver_query(store, two, commit(store))
    rows = rows_of(store)
    assert [row["sample_id"] for row in rows] == [name for name in IDS for _ in range(2)]
    assert {row["annotator"] for row in rows} == {""}


def test_a_tool_gets_the_query_instead_and_once(
    store: Store, filled: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    class Sent:
        project_url = "http://tool/projects/7"

    def publish_query(*arguments: object) -> Sent:
        calls.append(arguments)
        return Sent()

    monkeypatch.setattr("labelcycle.components.labelling.label_studio.send_query.publish_query", publish_query)
    labelling = Labelling(tool=LabelStudioTool(url="http://tool"))
    using = filled.model_copy(update={"labelling": labelling})
    assert deliver_query(store, using, commit(store)) == deliver_query(store, using, commit(store)) == Sent.project_url
    assert len(calls) == 1 and not store.exists(delivery_key(3))


def test_no_cell_is_a_formula_to_a_spreadsheet(store: Store, filled: Campaign) -> None:
    hostile = "=cmd|' ⁄C calc'!A0.png"
    names = [hostile, "+1.png", "-1.png", "@sum.png", "plain=1.png"]
    samples = [{"sample_id": name, "uri": f"/data/{name}", "split": "pool"} for name in names]
    pool = pa.Table.from_pylist(samples, schema=POOL)
    campaign = filled.model_copy(update={"pool": write_table(store, "pool/hostile.parquet", pool)})
    columns: dict[str, Any] = {
        "sample_id": names,
        "rank": range(1, 6),
        "reason": ["-2 is near", *["plain"] * 4],
        "predicted": ["=1+1", *["cat"] * 4],
    }
    rows = [{name: columns[name][row] for name in columns} for row in range(5)]
    query = write_table(store, "query.parquet", pa.Table.from_pylist(rows, schema=QUERY))
    deliver_query(store, campaign, Commit(cycle=3, attempt="a", objects={"query": query}))
    written = rows_of(store)
    cells = [cell for row in written for cell in row.values()]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    ids = SampleIds(dict.fromkeys(names))
    assert [ids.resolve(row["sample_id"]) for row in written] == names
    assert (written[0]["predicted"], written[0]["reason"]) == ("'=1+1", "'-2 is near")
