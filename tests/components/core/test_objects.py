"""Objects by reference: read back only if they are what was written."""

import pytest
from pydantic import ValidationError

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.objects import ObjectReference, read_json, read_object, write_json, write_object
from labelcycle.components.core.storage import Store


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
