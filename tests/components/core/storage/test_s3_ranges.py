"""Parts of S3 objects, read without the rest."""

import io

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.s3_connection import s3_client
from labelcycle.components.core.storage.s3_ranges import ChangedObject, S3File, read_range
from labelcycle.components.core.storage.store import traffic

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def uri(s3_root: str) -> str:
    open_store(s3_root).write("object", CONTENT)
    return f"{s3_root}/object"


def test_a_range(uri: str) -> None:
    assert read_range(s3_client(), uri, 10, 20) == CONTENT[10:30]
    assert read_range(s3_client(), uri, 2040, 20) == CONTENT[2040:]
    with pytest.raises(ChangedObject, match="ends before byte 3,000"):
        read_range(s3_client(), uri, 3000, 1)
    with pytest.raises(FileNotFoundError):
        read_range(s3_client(), f"{uri}-missing", 0, 1)
    with pytest.raises(ConfigurationError, match="no bucket"):
        read_range(s3_client(), "s3://there-is-no-such-bucket/x", 0, 1)


def test_a_file_reads_what_is_asked_for_and_no_more(uri: str) -> None:
    with io.BufferedReader(S3File(s3_client(), uri), 1024) as file:
        before = traffic().requests
        assert file.seek(0, io.SEEK_END) == len(CONTENT)
        file.seek(5)
        assert file.read(10) == CONTENT[5:15] and file.read(10) == CONTENT[15:25]
        assert traffic().requests == before + 1
        file.seek(1500)
        assert file.read() == CONTENT[1500:] and file.read() == b""


def test_an_object_that_is_another_one_by_now(uri: str, s3_root: str) -> None:
    file = S3File(s3_client(), uri)
    open_store(s3_root).write("object", b"another")
    with pytest.raises(ChangedObject):
        file.read(4)
