"""Objects by reference: read back only if they are what was written."""

import pytest
from pydantic import ValidationError

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import (
    ObjectReference,
    fetch_named,
    fetch_object,
    read_json,
    read_object,
    write_json,
    write_object,
)


def test_object_round_trip(store: Store) -> None:
    reference = write_object(store, "a/b", b"content")
    assert reference == ObjectReference(key="a/b", sha256=digest_of_bytes(b"content"))
    assert read_object(store, reference) == b"content"


def test_json_round_trip(store: Store) -> None:
    value = {"ü": [1, 2.5, None, True], "a": {}}
    assert read_json(store, write_json(store, "value.json", value)) == value


def test_missing_object_is_named(store: Store) -> None:
    with pytest.raises(CampaignError, match="a/b is missing.*Restore it from a backup"):
        read_object(store, ObjectReference(key="a/b", sha256="0"))


def test_changed_object_is_named(store: Store) -> None:
    reference = write_object(store, "a/b", b"content")
    store.write("a/b", b"Content")
    with pytest.raises(CampaignError, match=f"a/b was changed.*{reference.sha256}"):
        read_object(store, reference)
    with pytest.raises(CampaignError, match="a/b was changed"):
        read_json(store, reference)


def test_references_take_no_further_fields() -> None:
    with pytest.raises(ValidationError, match="size"):
        ObjectReference.model_validate({"key": "a", "sha256": "0", "size": 3})


def test_what_was_damaged_on_the_way_is_read_once_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = write_object(store, "a/b.bin", b"content")
    read, fetch = store.read, store.fetch
    damaged = [b"damaged", b"content"]
    monkeypatch.setattr(store, "read", lambda key: damaged.pop(0))
    assert read_object(store, reference) == b"content" and damaged == []
    monkeypatch.setattr(store, "read", lambda key: b"damaged")
    other = write_object(store, "a/other.bin", b"other content")
    with pytest.raises(CampaignError, match="was changed after it was written"):
        read_object(store, other)
    monkeypatch.setattr(store, "read", read)
    wrong = write_object(store, "wrong.bin", b"damaged")
    paths = [fetch(wrong.key), fetch(reference.key)]
    monkeypatch.setattr(store, "fetch", lambda key: paths.pop(0))
    assert fetch_object(store, reference).read_bytes() == b"content" and paths == []


def test_an_object_whose_name_is_its_digest(store: Store) -> None:
    key = f"oracle/{digest_of_bytes(b'content')[:16]}.parquet"
    with pytest.raises(CampaignError, match=f"{key} is missing"):
        fetch_named(store, key)
    store.write(key, b"content")
    assert fetch_named(store, key).read_bytes() == b"content"
    store.write(key, b"other")
    with pytest.raises(CampaignError, match=f"{key} was changed after it was written .*Restore"):
        fetch_named(store, key)
