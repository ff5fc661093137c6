"""Objects of a campaign without samples that are erased: what becomes of each kind of content."""

import csv
import html
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.withdrawn import WITHDRAWN
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.storage.objects import SEAL, sealed
from labelcycle.components.core.storage.tables import LABELS, table_bytes, table_in

NO_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c63f80f0001010100b138f6140000000049454e44ae426082"
)
"""A PNG of one pixel."""

NO_REPORT = (
    b"<!doctype html><html lang='en'><meta charset='utf-8'><title>Erased</title>"
    b"<p>This report showed samples that were erased since. The figures of its cycle are in metrics.json.</p></html>\n"
)

KEPT_OF_A_QUERY = ("sample_id", "rank", "cycle", "opinion", "explore")
"""Columns of what was asked for that say nothing about a sample."""

Names = Mapping[str, str]
"""The pseudonym of each sample to be erased, by its id."""


def erased_table(data: bytes, names: Names) -> bytes | None:
    """A Parquet table without these samples; None where it has none of them.

    Of queries, requests and votes rows stay, under pseudonyms and with nothing else about the sample, so that counts of
    what was asked and answered stay what they were. Of every other table rows are left out.
    """
    table = table_in(data)
    if "sample_id" not in table.column_names:
        return None
    ids = pa.array(sorted(names), pa.string())
    mine = pc.is_in(table["sample_id"], value_set=ids)
    if not pc.any(mine).as_py():
        return None
    if table.column_names == WITHDRAWN.names:
        return table_bytes(_under_pseudonyms(table, names).sort_by("sample_id"))
    if set(LABELS.names) <= set(table.column_names):
        return table_bytes(_emptied(_under_pseudonyms(table, names), mine, ("label",), {"status": "skip"}))
    if "opinion" in table.column_names:
        told = [name for name in table.column_names if name not in (*KEPT_OF_A_QUERY, "reason")]
        texts = {"reason": "erased"} if "reason" in table.column_names else {}
        return table_bytes(_emptied(_under_pseudonyms(table, names), mine, told, texts))
    return table_bytes(table.filter(pc.invert(mine)))


def _under_pseudonyms(table: pa.Table, names: Names) -> pa.Table:
    ids = pa.array([names.get(name, name) for name in table["sample_id"].to_pylist()], pa.string())
    return table.set_column(table.column_names.index("sample_id"), table.schema.field("sample_id"), ids)


def _emptied(table: pa.Table, mine: pa.ChunkedArray, nulls: Any, texts: Mapping[str, str]) -> pa.Table:
    """The table where the rows of samples say nothing in some columns, and the same in others."""
    for name in nulls:
        column = pc.if_else(mine, pa.scalar(None, table.schema.field(name).type), table[name])
        table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    for name, text in texts.items():
        column = pc.if_else(mine, pa.scalar(text, pa.string()), table[name])
        table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    return table


def erased_json(data: bytes, names: Names) -> bytes | None:
    """JSON without what is said of these samples, and with pseudonyms in lists of ids; None where it names none.

    Sealed content gets another seal.
    """
    content = json.loads(data)
    again = _scrubbed(content, names)
    if again == content:
        return None
    if isinstance(again, dict) and SEAL in again:
        return sealed({name: value for name, value in again.items() if name != SEAL})
    return canonical_json(again)


def _scrubbed(value: Any, names: Names) -> Any:
    if isinstance(value, dict):
        return {key: _scrubbed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [
            _scrubbed(each, names)
            for each in value
            if not (isinstance(each, dict) and isinstance(name := each.get("sample_id"), str) and name in names)
        ]
    return names.get(value, value) if isinstance(value, str) else value


def erased_csv(data: bytes, names: Names) -> bytes | None:
    """The CSV of a query without these samples; None where it has none of them."""
    text = data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    kept = [row for row in rows if not row or row[0].removeprefix("./") not in names and row[0] not in names]
    if len(kept) == len(rows):
        return None
    again = io.StringIO()
    csv.writer(again, lineterminator="\n").writerows(kept)
    return again.getvalue().encode()


def shows(page: bytes, names: Names) -> bool:
    """Whether a report names one of the samples."""
    text = html.unescape(page.decode(errors="replace"))
    return any(name in text for name in names)


def in_place_of_pictures(key: str) -> bytes | None:
    """What stands where a report, or a figure with images of samples, was; None for any other object."""
    name = key.rpartition("/")[2]
    if name.startswith("report-") and name.endswith(".html"):
        return NO_REPORT
    return NO_PICTURE if name.startswith("contact_sheet-") and name.endswith(".png") else None


BY_ENDING: dict[str, Callable[[bytes, Names], bytes | None]] = {
    ".parquet": erased_table,
    ".json": erased_json,
    ".csv": erased_csv,
}
"""What becomes of an object, by how its key ends."""
