"""Erasures: which objects were written again without samples that people had erased, so that readers know them.

An object that commits name by its digest stays where it is, with another content. The record of an erasure says what
that content's digest is; it is written before any object is touched. Samples stand in it under pseudonyms.
"""

from typing import Annotated

from pydantic import Field

from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.storage.store import Store

FOLDER = "erasures"

PSEUDONYM = "erased-"
"""What pseudonyms begin with."""


class ErasedObject(Settings):
    """An object that samples were erased from: its key, and the digests of its content before and after."""

    key: str
    before: str
    after: str


class Erasure(Settings):
    """One erasure.

    Attributes:
        number: its place among the erasures, from 0.
        time: when it began, ISO 8601 in UTC.
        by: who asked for it.
        reason: why, in the person's words; may be empty.
        samples: the pseudonyms of the samples.
        objects: that were written again.
    """

    number: Annotated[int, Field(ge=0)]
    time: str
    by: str
    reason: str
    samples: list[str]
    objects: list[ErasedObject]


def erasure_key(number: int) -> str:
    """Where the record of an erasure is; names sort like numbers."""
    return f"{FOLDER}/{number:06d}.json"


def read_erasures(store: Store) -> list[Erasure]:
    """All erasures, in their order.

    Raises:
        CampaignError: a record is damaged.

    Cost: a listing, and a small read for each.
    """
    from labelcycle.components.core.storage.objects import read_sealed

    found = (read_sealed(store, key, Erasure, "the record of an erasure") for key in store.keys(f"{FOLDER}/"))
    return [erasure for erasure in found if erasure is not None]


def digests_after(store: Store, key: str) -> set[str]:
    """The digests that the content of an object may have because samples were erased from it.

    Cost: as `read_erasures`; it is asked for only where a digest is not that which the campaign names.
    """
    return {each.after for erasure in read_erasures(store) for each in erasure.objects if each.key == key}


def pseudonym(campaign: str, sample_id: str) -> str:
    """What stands for an erased sample: the same one in all objects of a campaign, and in no other campaign.

    Args:
        campaign: its identifier.
        sample_id: the sample's id, which cannot be told from the pseudonym but by trying ids out.
    """
    return PSEUDONYM + digest_of_bytes(f"{campaign}\0{sample_id}".encode())[:20]
