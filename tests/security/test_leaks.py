"""A search that finds nothing proves something only if it would have found it."""

import base64
import io
import urllib.parse
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.security.leaks import leaks, leaks_in_folder

SECRET = "planted/Secret+with=signs & more:9f2c81d07"
SECRETS = {"the secret": SECRET, "another": "planted-and-kept-0123456789"}


def parquet(value: str, metadata: str = "") -> bytes:
    table = pa.table({"column": [value] * 50}).replace_schema_metadata({"key": metadata})
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", use_dictionary=False)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        f"error: {SECRET} was refused".encode(),
        urllib.parse.quote(SECRET, safe="").encode(),
        urllib.parse.quote(SECRET).encode(),
        urllib.parse.quote_plus(SECRET).lower().encode(),
        f"http://user:{urllib.parse.quote(SECRET, safe='')}@host/".encode(),
        base64.b64encode(SECRET.encode()),
        base64.b64encode(f"u:{SECRET}".encode()),
        base64.b64encode(f"us:{SECRET}".encode()),
        base64.b64encode(f"user:{SECRET} and so on".encode()),
        base64.urlsafe_b64encode(f"a user:{SECRET}?".encode()),
        SECRET.replace("/", "\\/").encode(),
        parquet(SECRET),
        parquet("nothing", SECRET),
    ],
)
def test_what_is_found(content: bytes) -> None:
    assert leaks("output", content, SECRETS) == ["the secret in output"]


def test_what_is_no_leak() -> None:
    assert leaks("output", b"planted/Secret, but not all of it", SECRETS) == []
    assert leaks("output", base64.b64encode(bytes(range(256)) * 20), SECRETS) == []
    assert leaks("output", parquet("nothing"), SECRETS) == []


def test_files_and_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_text(SECRET)
    (tmp_path / "planted-and-kept-0123456789.txt").write_text("nothing")
    assert leaks_in_folder(tmp_path, SECRETS) == [
        "the secret in a/b.txt",
        "another in the name planted-and-kept-0123456789.txt",
    ]
