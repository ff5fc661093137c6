"""References to stored objects by key and digest, and reads that check the digest."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict

from labelcycle.components.core.digests import canonical_json, digest_of_bytes, digest_of_file
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


RESTORE = "Restore it from a backup."

READS = 2
"""So often an object is read before it is called damaged: the damage may have been done on the way."""


def read_object(store: Store, reference: ObjectReference, remedy: str = RESTORE) -> bytes:
    """The content that `reference` names.

    Args:
        store: the campaign's.
        reference: the object.
        remedy: what to do where it is gone or damaged, in a sentence.

    Raises:
        CampaignError: the object is gone, or its content has another digest.
    """
    try:
        for _ in range(READS):
            data = store.read(reference.key)
            if digest_of_bytes(data) == reference.sha256:
                return data
    except FileNotFoundError as error:
        raise _missing(store, reference, remedy) from error
    raise _changed(store, reference, remedy)


def fetch_object(store: Store, reference: ObjectReference, remedy: str = RESTORE) -> Path:
    """A local file with the content that `reference` names, to be read only; for what may not fit in memory.

    Raises:
        CampaignError: the object is gone, or its content has another digest.
    """
    try:
        for _ in range(READS):
            path = store.fetch(reference.key)
            if digest_of_file(path) == reference.sha256:
                return path
    except FileNotFoundError as error:
        raise _missing(store, reference, remedy) from error
    raise _changed(store, reference, remedy)


def read_json(store: Store, reference: ObjectReference) -> Any:
    """The JSON value that `reference` names, its digest checked.

    Raises:
        CampaignError: the object is gone, was changed, or is no JSON.
    """
    data = read_object(store, reference)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CampaignError(f"{store.locate(reference.key)} is not JSON: {error}. {RESTORE}") from error


def fetch_named(store: Store, key: str) -> Path:
    """A local file with an object whose name is the beginning of its digest, to be read only.

    Raises:
        CampaignError: the object is gone, or its content is not that which its name tells.
    """
    try:
        path = store.fetch(key)
    except FileNotFoundError as error:
        raise CampaignError(f"{store.locate(key)} is missing although the campaign refers to it. {RESTORE}") from error
    if not digest_of_file(path).startswith(PurePosixPath(key).stem):
        raise CampaignError(f"{store.locate(key)} was changed after it was written. {RESTORE}")
    return path


def _missing(store: Store, reference: ObjectReference, remedy: str) -> CampaignError:
    return CampaignError(f"{store.locate(reference.key)} is missing although the campaign refers to it. {remedy}")


def _changed(store: Store, reference: ObjectReference, remedy: str) -> CampaignError:
    return CampaignError(
        f"{store.locate(reference.key)} was changed after it was written (its SHA-256 is not {reference.sha256}). "
        f"{remedy}"
    )
