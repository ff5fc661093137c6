"""JSON that carries its digest: any change is noticed, and what never was sealed is not believed."""

import json
from typing import Any

import pytest

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage.objects import SEAL, sealed, unsealed

CONTENT = {"cycle": 1, "name": "ü", "share": 0.1, "objects": {"b": [1, 2, None], "a": {}}}


def test_what_was_sealed_is_read_back() -> None:
    assert unsealed(sealed(CONTENT), "there", "a commit") == CONTENT


def test_equal_content_gives_equal_bytes() -> None:
    assert sealed(dict(reversed(CONTENT.items()))) == sealed(CONTENT)


def test_every_flipped_bit_is_noticed() -> None:
    data = sealed(CONTENT)
    for position in range(len(data) - 1):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            try:
                found: Any = unsealed(bytes(changed), "there", "a commit")
            except CampaignError:
                continue
            assert found == CONTENT, f"bit {bit} of byte {position}"


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"null", b"3", b"{}", b'{"a": 1}', b"[" * 100_000])
def test_what_is_no_sealed_object_is_refused(data: bytes) -> None:
    with pytest.raises(CampaignError, match="^there is not a commit: .* Restore it from a backup.$"):
        unsealed(data, "there", "a commit")


@pytest.mark.parametrize("value", [float("nan"), 10**400, "\ud800"])
def test_values_that_no_seal_covers_are_refused(value: object) -> None:
    data = json.dumps({"value": value, SEAL: "0" * 64}).encode()
    with pytest.raises(CampaignError, match="there was changed after it was written .* Look"):
        unsealed(data, "there", "a commit", "Look at it.")


def test_the_seal_has_its_field_for_itself() -> None:
    with pytest.raises(ValueError, match="'sha256' is the seal's"):
        sealed({SEAL: "mine"})
