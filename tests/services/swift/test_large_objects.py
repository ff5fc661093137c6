"""Objects that boto3 sends in several parts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.digests import digest_of_bytes, digest_of_file
from labelcycle.components.core.storage.s3 import S3Store
from labelcycle.components.core.storage.s3_connection import s3_client

MEBIBYTE = 1024**2


@pytest.fixture
def requests() -> list[str]:
    """The S3 operations that `client` has asked for."""
    return []


@pytest.fixture
def client(swift: Any, requests: list[str]) -> Any:
    """A client that notes what it asks for."""
    made = s3_client()
    made.meta.events.register("before-call.s3", lambda model, **rest: requests.append(model.name))
    return made


@pytest.mark.parametrize("size", [8 * MEBIBYTE, 20 * MEBIBYTE + 1])
def test_a_large_object_comes_back_as_it_went(
    client: Any, swift_root: str, requests: list[str], tmp_path: Path, size: int
) -> None:
    content = np.random.default_rng(0).bytes(size)
    source = tmp_path / "source.bin"
    source.write_bytes(content)
    store = S3Store(swift_root, client)
    store.upload(source, "features.parquet")
    assert requests[0] == "CreateMultipartUpload" and requests[-1] == "CompleteMultipartUpload"
    assert requests.count("UploadPart") == -(-size // (8 * MEBIBYTE))
    assert digest_of_file(store.fetch("features.parquet")) == digest_of_bytes(content)
    assert store.read("features.parquet") == content
    assert store.keys("") == ["features.parquet"]


def test_a_large_object_replaces_a_small_one_and_the_other_way_round(
    client: Any, swift_root: str, tmp_path: Path
) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"large" * 2 * MEBIBYTE)
    store = S3Store(swift_root, client)
    store.write("key", b"small")
    store.upload(source, "key")
    assert store.read("key") == source.read_bytes()
    store.write("key", b"small again")
    assert store.read("key") == b"small again"
    assert not store.write_if_absent("key", b"refused")
