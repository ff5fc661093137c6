"""Digests: known values, and equal for equal content."""

import hashlib
from pathlib import Path

import pytest

from labelcycle.components.core.digests import canonical_json, digest_of_bytes, digest_of_file, digest_of_json


def test_known_digest() -> None:
    assert digest_of_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_files(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert digest_of_file(tmp_path / "file") == hashlib.sha256(content).hexdigest() == digest_of_bytes(content)


def test_canonical_json() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": "ü"}) == (
        '{\n  "a": "ü",\n  "b": [\n    1,\n    2.5,\n    null\n  ]\n}\n'.encode()
    )


def test_order_of_keys_does_not_matter() -> None:
    assert digest_of_json({"a": 1, "b": 2}) == digest_of_json({"b": 2, "a": 1})
    assert digest_of_json({"a": 1}) == digest_of_bytes(canonical_json({"a": 1}))


@pytest.mark.parametrize("other", [{"a": 1.5}, {"a": "1"}, {"b": 1}, [1], {"a": [1]}, {}])
def test_different_values_have_different_digests(other: object) -> None:
    assert digest_of_json(other) != digest_of_json({"a": 1})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": number})
