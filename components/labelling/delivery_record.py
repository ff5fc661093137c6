"""Delivery records: that people have a query, where, since when, and which samples it asks for."""

from datetime import UTC, datetime
from typing import Annotated

from labelcycle.components.core.config.settings import Later, Settings
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import read_sealed, sealed

QUERIES = "queries"
"""The folder of queries that are delivered as files, and of delivery records."""

LONGEST = 10_000
"""Samples that a record names at most."""


class DeliveryRecord(Settings):
    """Says that people have a query, where, and since when by the clock of the machine that handed it out.

    `asked` are the samples of the query, best pick first, so that who wants to know how far it is answered needs no
    table. It is not there where it would be long, where a sample was asked about before, and in records of earlier
    versions.
    """

    handed_out: datetime
    place: str
    asked: Annotated[list[str] | None, Later(None)] = None


def delivery_key(cycle: int) -> str:
    """Where the CSV for the query of `cycle` is."""
    return f"{QUERIES}/cycle-{cycle:04d}.csv"


def delivery_record_key(cycle: int) -> str:
    """Where the delivery record for the query of `cycle` is."""
    return f"{QUERIES}/cycle-{cycle:04d}.json"


def write_delivery_record(store: Store, cycle: int, address: str, asked: list[str] | None = None) -> None:
    """Note that people have the query of `cycle` at this address; the first record stays.

    Args:
        store: the campaign's.
        cycle: whose query it is.
        address: where people have it.
        asked: the ids of its samples, best pick first; None where one of them was asked about before.
    """
    named = asked if asked is not None and len(asked) <= LONGEST else None
    record = DeliveryRecord(handed_out=datetime.now(UTC).replace(microsecond=0), place=address, asked=named)
    store.write_if_absent(delivery_record_key(cycle), sealed(record.model_dump(mode="json")))


def read_delivery_record(store: Store, cycle: int) -> DeliveryRecord | None:
    """The delivery record for the query of `cycle`; None while it was not delivered.

    Raises:
        CampaignError: the object is not a delivery record.
    """
    remedy = "Delete it: the next run writes it again."
    return read_sealed(store, delivery_record_key(cycle), DeliveryRecord, "a delivery record", remedy)
