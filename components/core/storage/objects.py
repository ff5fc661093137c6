"""Stored objects by key and digest, with reads that check the digest; records; and JSON that carries its own."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from labelcycle.components.core.digests import canonical_json, digest_of_bytes, digest_of_file, digest_of_json
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.erasures import digests_after
from labelcycle.components.core.storage.fetched import fetched_from

Content = TypeVar("Content")


class ObjectReference(BaseModel):
    """An object of the campaign store, with the digest that its content must have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    sha256: str


class Record(BaseModel):
    """Base of what the JSON objects of a campaign hold.

    A field that came later has a default, so that objects of earlier versions can be read, and fields of later versions
    are kept. What was never set is not written: an object that is read and written again stays as it was.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    def as_json(self) -> dict[str, Any]:
        """The JSON object, with the fields that were set; None is written as null."""
        return self.model_dump(exclude_unset=True)

    @classmethod
    def from_json(cls, data: bytes, address: str, remedy: str = "Restore it from a backup.") -> Self:
        """The record in a JSON object.

        Args:
            data: what was read.
            address: the object's address, for messages.
            remedy: what to do about a damaged one, in a sentence.

        Raises:
            CampaignError: no JSON, or a field is missing or of another type; the first is named.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"]))
            fault = f"{where}: {first['msg']}" if where else first["msg"]
            raise CampaignError(f"{address} is damaged, or of another version: {fault}. {remedy}") from error


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
    """The content that `reference` names. It is fetched once, while the store object keeps it (`fetched`).

    Args:
        store: the campaign's.
        reference: the object.
        remedy: what to do where it is gone or damaged, in a sentence.

    Raises:
        CampaignError: the object is gone, or its content has another digest.
    """
    kept = fetched_from(store)
    data = kept.content(reference.key, reference.sha256)
    if data is None:
        data = _read_checked(store, reference, store.read, digest_of_bytes, remedy)
        kept.keep(reference.key, reference.sha256, data)
    return data


def fetch_object(store: Store, reference: ObjectReference, remedy: str = RESTORE) -> Path:
    """A local file with the content that `reference` names, to be read only; for what may not fit in memory.

    It is fetched and compared with its digest once, while nobody touches the file.

    Raises:
        CampaignError: the object is gone, or its content has another digest.
    """
    kept = fetched_from(store)
    path = kept.file(reference.key, reference.sha256)
    if path is None:
        path = _read_checked(store, reference, store.fetch, digest_of_file, remedy)
        kept.keep_file(reference.key, reference.sha256, path)
    return path


def read_named(store: Store, key: str, remedy: str = RESTORE, once: bool = True) -> bytes:
    """The content of an object whose name ends in the first 16 digits of its digest.

    Args:
        store: the campaign's.
        key: the object.
        remedy: what to do where it is gone or damaged, in a sentence.
        once: keep it for those who ask again; not for large objects that nobody does.

    Raises:
        CampaignError: the object is gone, or its content is not that which its name tells.
    """
    named = ObjectReference(key=key, sha256=PurePosixPath(key).stem.rpartition("-")[2])
    kept = fetched_from(store)
    data = kept.content(key, named.sha256)
    if data is None:
        data = _read_checked(store, named, store.read, lambda data: digest_of_bytes(data)[:16], remedy)
        if once:
            kept.keep(key, named.sha256, data)
    return data


def fetch_named(store: Store, key: str, remedy: str = RESTORE) -> Path:
    """A local file with what `read_named` reads, to be read only; for what may not fit in memory.

    Raises:
        CampaignError: the object is gone, or its content is not what its name says.
    """
    named = ObjectReference(key=key, sha256=PurePosixPath(key).stem.rpartition("-")[2])
    return _read_checked(store, named, store.fetch, lambda path: digest_of_file(path)[:16], remedy)


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


RecordType = TypeVar("RecordType", bound=Record)


def read_record(store: Store, reference: ObjectReference, kind: type[RecordType]) -> RecordType:
    """The record that `reference` names, its digest checked.

    Raises:
        CampaignError: the object is gone, was changed, or is no such record.
    """
    return kind.from_json(read_object(store, reference), store.locate(reference.key))


def _read_checked(
    store: Store,
    reference: ObjectReference,
    read: Callable[[str], Content],
    digest: Callable[[Content], str],
    remedy: str,
) -> Content:
    """What `read` gives for the reference's key, if its digest is the reference's, or that of an erasure."""
    where = store.locate(reference.key)
    try:
        for _ in range(READS):
            content = read(reference.key)
            if (found := digest(content)) == reference.sha256:
                return content
        if any(after.startswith(found) for after in digests_after(store, reference.key)):
            return content
    except FileNotFoundError as error:
        raise CampaignError(f"{where} is missing although the campaign refers to it. {remedy}") from error
    raise CampaignError(f"{where} was changed after it was written (its digest is not {reference.sha256}). {remedy}")


SEAL = "sha256"
"""The field that holds the SHA-256 of the canonical JSON of all other fields."""


def sealed(content: Mapping[str, Any]) -> bytes:
    """`content` as canonical JSON with its seal.

    Raises:
        ValueError: `content` has a field of the seal's name.
    """
    if SEAL in content:
        raise ValueError(f"A field of the name {SEAL!r} is the seal's.")
    return canonical_json({**content, SEAL: digest_of_json(content)})


def unsealed(data: bytes, address: str, what: str, remedy: str = "Restore it from a backup.") -> dict[str, Any]:
    """The content of sealed JSON, without its seal.

    Args:
        data: what was read.
        address: the object's address, for messages.
        what: what it should be, such as `a commit`, for messages.
        remedy: what to do about a damaged one, in a sentence.

    Raises:
        CampaignError: no JSON object, no seal, or another content than was sealed.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CampaignError(f"{address} is not {what}: {error}. {remedy}") from error
    if not isinstance(content, dict) or SEAL not in content:
        raise CampaignError(f"{address} is not {what}: it has no field {SEAL!r}, the digest of its content. {remedy}")
    seal = content.pop(SEAL)
    if _digest(content) != seal:
        raise CampaignError(f"{address} was changed after it was written (its SHA-256 is not {seal}). {remedy}")
    return content


ModelType = TypeVar("ModelType", bound=BaseModel)


def read_sealed(store: Store, key: str, kind: type[ModelType], what: str, remedy: str = RESTORE) -> ModelType | None:
    """The sealed JSON at `key`; None where there is none.

    Args:
        store: the campaign's.
        key: the object.
        kind: what its content is.
        what: what it should be, such as `a commit`, for messages.
        remedy: what to do about a damaged one, in a sentence.

    Raises:
        CampaignError: the object is there but is no such thing, or was changed.
    """
    try:
        data = store.read(key)
    except FileNotFoundError:
        return None
    address = store.locate(key)
    try:
        return kind.model_validate(unsealed(data, address, what, remedy))
    except ValidationError as error:
        raise CampaignError(f"{address} is not {what}. {remedy}") from error


def _digest(content: dict[str, Any]) -> str | None:
    """The digest that the seal has to be; None for values that no canonical JSON has, such as NaN."""
    try:
        return digest_of_json(content)
    except (ValueError, RecursionError):
        return None
