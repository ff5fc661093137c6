"""Images within other files: their addresses, and how they are read."""

import io
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.images import image_rows, parquet_images
from labelcycle.components.core.images.allowed_sources import VARIABLE, RefusedImage, allowed_image
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.images.image_rows import image_column
from labelcycle.components.core.images.members import (
    Stretch,
    TableRow,
    file_of,
    member_at,
    row_address,
    stretch_address,
)
from labelcycle.components.core.images.parquet_images import ParquetImages
from labelcycle.components.core.images.source import read_image, relative_address, shared_folder
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.store import traffic


@pytest.fixture
def store(store_root: str) -> Store:
    return open_store(store_root)


def parquet(images: list[Any], column: str = "image", **settings: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({column: images}), file, **settings)
    return file.getvalue()


def arrow(images: list[Any]) -> bytes:
    file = io.BytesIO()
    table = pa.table({"image": images})
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=16)
    return file.getvalue()


def test_addresses() -> None:
    assert stretch_address("/a b/0.tar", 512, 20) == "/a b/0.tar#512+20"
    assert member_at("/a b/0.tar#512+20") == Stretch("/a b/0.tar", 512, 20)
    address = row_address("s3://bucket/x.parquet", "an image/ü#1", 7)
    assert "/" not in address.partition("#")[2]
    assert member_at(address) == TableRow("s3://bucket/x.parquet", "an image/ü#1", 7)
    for other in ("/a/b.jpg", "/a/0.tar", "/a/0.tar#1", "/a/b.jpg#512+20", "/x.parquet#3", "/0.tar#-1+2"):
        assert member_at(other) is None and file_of(other) == other


def test_members_share_the_folder_of_their_files() -> None:
    uris = ["/data/a/0.tar#512+20", "/data/b/x.parquet#image:3"]
    assert shared_folder(uris) == "/data"
    assert relative_address(uris[0], "/data") == "a/0.tar%23512%2B20"


def test_stretches(store: Store) -> None:
    store.write("0.tar", b"0123456789")
    assert read_image(f"{store.locate('0.tar')}#3+4") == b"3456"
    assert read_image(f"{store.locate('0.tar')}#3+0") == b""
    for stretch, reason in (("8+4", "ends before the image does"), ("20+4", "before"), ("0+300000000", "limit")):
        with pytest.raises(UnreadableImage, match=reason):
            read_image(f"{store.locate('0.tar')}#{stretch}")
    with pytest.raises(UnreadableImage, match="cannot be read: [nN]o such"):
        read_image(f"{store.locate('1.tar')}#0+4")


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_rows_in_any_order(store: Store, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_rows, "WINDOW_BYTES", 1000)
    monkeypatch.setattr(parquet_images, "BATCH_BYTES", 1000)
    images = [bytes([number]) * 50 for number in range(100)]
    store.write(name, parquet(images, row_group_size=40) if name == "x.parquet" else arrow(images))
    for row in (0, 1, 99, 45, 44, 39, 40, 0, 80):
        assert read_image(row_address(store.locate(name), "image", row)) == images[row]
    with pytest.raises(UnreadableImage, match="its row is not there"):
        read_image(row_address(store.locate(name), "image", 100))
    assert read_image(row_address(store.locate(name), "image", 99)) == images[99]


def test_rows_that_are_not_there(store: Store) -> None:
    store.write("x.parquet", parquet([b"a", None, b"c" * 30]))
    address = store.locate("x.parquet")
    for row, reason in (
        (row_address(address, "image", 3), "its row is not there"),
        (f"{address}#other:0", "no column other"),
    ):
        with pytest.raises(UnreadableImage, match=reason):
            read_image(row)
    with pytest.raises(UnreadableImage, match="empty file"):
        read_image(f"{address}#image:1")
    with pytest.raises(UnreadableImage, match="30 bytes are more than the limit of 20"):
        read_image(f"{address}#image:2", most_bytes=20)
    store.write("y.parquet", b"nothing of the kind")
    with pytest.raises(UnreadableImage, match="cannot be read"):
        read_image(f"{store.locate('y.parquet')}#image:0")
    with pytest.raises(UnreadableImage, match="cannot be read: [nN]o such"):
        read_image(f"{store.locate('z.parquet')}#image:0")


def test_another_file_in_its_place_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    for content in (b"one", b"another"):
        path.write_bytes(parquet([content]))
        assert read_image(f"{path}#image:0") == content


def test_a_page_is_read_once_where_rows_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.parquet").write_bytes(parquet([os.urandom(100) for _ in range(96)]))
    with (tmp_path / "x.parquet").open("rb") as file:
        column = ParquetImages(file)
        begun: list[int] = []
        enter = column.enter_before
        monkeypatch.setattr(column, "enter_before", lambda row: (begun.append(row), enter(row))[1])
        for row in (0, 2, 1, 33, 31, 95):
            column.read(row)
        assert begun == [0]


def test_what_was_read_last_is_kept_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_rows, "WINDOW_BYTES", 5000)
    monkeypatch.setattr(parquet_images, "BATCH_BYTES", 4000)
    (tmp_path / "x.parquet").write_bytes(parquet([os.urandom(100) for _ in range(320)]))
    with (tmp_path / "x.parquet").open("rb") as file:
        column = ParquetImages(file)
        column.read(319)
        assert 1 <= len(column._window) <= 2 and len(column._window[0][1]) < 100


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"id": pa.int64(), "img": pa.binary(), "raw": pa.binary()}, "img"),
        ({"raw": pa.large_binary()}, "raw"),
        ({"photo": pa.struct({"bytes": pa.binary(), "path": pa.string()})}, "photo"),
        ({"feature": pa.list_(pa.float32()), "image": pa.string()}, None),
        ({"image": pa.struct({"bytes": pa.string()})}, None),
    ],
)
def test_which_column_holds_images(fields: dict[str, pa.DataType], column: str | None) -> None:
    assert image_column(pa.schema(fields)) == column


def test_members_are_of_allowed_sources_like_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "out" / "0.tar").write_bytes(b"secret")
    (tmp_path / "in" / "0.tar").symlink_to(tmp_path / "out" / "0.tar")
    (tmp_path / "in" / "1.tar").write_bytes(b"public")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "in"))
    assert read_image(f"{tmp_path}/in/1.tar#0+6") == b"public"
    for address in (f"{tmp_path}/in/0.tar#0+6", f"{tmp_path}/out/0.tar#0+6", f"{tmp_path}/in/../out/0.tar#0+6"):
        with pytest.raises(RefusedImage, match="is not from an allowed source"):
            allowed_image(address)
        with pytest.raises(RefusedImage):
            read_image(address)


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_rows_of_an_object_take_few_requests(s3_root: str, name: str) -> None:
    store = open_store(s3_root)
    images = [os.urandom(500) for _ in range(200)]
    store.write(name, parquet(images, row_group_size=50) if name == "x.parquet" else arrow(images))
    before = traffic().requests
    for row, image in enumerate(images):
        assert read_image(row_address(store.locate(name), "image", row)) == image
    assert traffic().requests - before < 10
