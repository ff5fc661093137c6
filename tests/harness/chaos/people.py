"""The people who label: they fill in the CSVs that were delivered, a part at a time, and answer some late."""

import csv
import io
import math
import random

from labelcycle.components.core.storage import Store, open_store
from tests.harness.chaos.data import truth

SHARES = (0.5, 0.75)
"""How much of the newest query is answered after the first visit and after the second."""


def label(root: str) -> None:
    """One visit: answer more of the newest query, and all that was left of the ones before.

    What they do follows from the CSVs alone, and each CSV is replaced as a whole, as when an editor saves it.
    """
    store = open_store(root)
    handed_out = [key for key in store.keys("queries/") if key.endswith(".csv")]
    for key in handed_out[:-1]:
        _answer(store, key, 1.0)
    newest = _rows(store, handed_out[-1])
    answered = sum(bool(row["label"]) for row in newest)
    share = next((share for share in SHARES if answered < math.ceil(share * len(newest))), 1.0)
    _answer(store, handed_out[-1], share)


def _answer(store: Store, key: str, share: float) -> None:
    rows = _rows(store, key)
    if all(row["label"] for row in rows):
        return
    for row in rows[: math.ceil(share * len(rows))]:
        row["label"] = truth(row["sample_id"])
    _write(store, key, rows)


def _write(store: Store, key: str, rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    store.write(key, text.getvalue().encode())


def _rows(store: Store, key: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(store.read(key).decode())))


def label_some(root: str, generator: random.Random) -> None:
    """Answer one sample of any query, if one is open there."""
    store = open_store(root)
    open_rows = [
        (key, row["sample_id"])
        for key in store.keys("queries/")
        if key.endswith(".csv")
        for row in _rows(store, key)
        if not row["label"]
    ]
    if open_rows:
        key, sample_id = generator.choice(open_rows)
        rows = _rows(store, key)
        next(row for row in rows if row["sample_id"] == sample_id)["label"] = truth(sample_id)
        _write(store, key, rows)
