"""References to stored objects by key and digest, and reads that check the digest."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store


class ObjectReference(BaseModel):
    """An object of the campaign store, with the digest that its content must have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    sha256: str


def write_object(store: Store, key: str, data: bytes) -> ObjectReference:
    """Store `data` under `key` and return the reference to it."""
    store.write(key, data)
    return ObjectReference(key=key, sha256=digest_of_bytes(data))


def write_json(store: Store, key: str, value: Any) -> ObjectReference:
    """Store `value` as canonical JSON under `key`."""
    return write_object(store, key, canonical_json(value))


def read_object(store: Store, reference: ObjectReference) -> bytes:
    """The content that `reference` names.

    Raises:
        CampaignError: the object is gone, or its content has another digest.
    """
    try:
        data = store.read(reference.key)
    except FileNotFoundError as error:
        raise CampaignError(
            f"{store.locate(reference.key)} is missing although the campaign refers to it. Restore it from a backup."
        ) from error
    if digest_of_bytes(data) != reference.sha256:
        raise CampaignError(
            f"{store.locate(reference.key)} was changed after it was written (its SHA-256 is not {reference.sha256}). "
            "Restore it from a backup."
        )
    return data


def read_json(store: Store, reference: ObjectReference) -> Any:
    """The JSON value that `reference` names, its digest checked."""
    return json.loads(read_object(store, reference))
