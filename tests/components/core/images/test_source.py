"""Where image bytes come from."""

import errno
import os
from pathlib import Path

import pytest

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.images import allowed_sources, source
from labelcycle.components.core.images.allowed_sources import VARIABLE, RefusedImage
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.images.listing import list_images
from labelcycle.components.core.images.source import read_image, read_unchanged_image
from labelcycle.components.core.storage import Store, open_store


@pytest.fixture
def store(store_root: str) -> Store:
    return open_store(store_root)


def test_read_image(store: Store) -> None:
    store.write("a/b.jpg", b"content")
    assert read_image(store.locate("a/b.jpg")) == b"content"


def test_missing_images(store: Store) -> None:
    store.write("a.jpg", b"")
    with pytest.raises(UnreadableImage, match="cannot be read: [nN]o such"):
        read_image(store.locate("missing.jpg"))


def test_large_files_are_not_read(store: Store) -> None:
    store.write("within.jpg", bytes(1000))
    store.write("beyond.jpg", bytes(1001))
    assert len(read_image(store.locate("within.jpg"), most_bytes=1000)) == 1000
    with pytest.raises(UnreadableImage, match="1,001 bytes are more than the limit of 1,000"):
        read_image(store.locate("beyond.jpg"), most_bytes=1000)


def test_unchanged_images(store: Store) -> None:
    store.write("a.jpg", b"content")
    assert read_unchanged_image(store.locate("a.jpg"), digest_of_bytes(b"content")) == b"content"
    store.write("a.jpg", b"another")
    with pytest.raises(UnreadableImage, match="its content has changed since the campaign began"):
        read_unchanged_image(store.locate("a.jpg"), digest_of_bytes(b"content"))


def test_missing_bucket(s3_endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="no bucket"):
        read_image("s3://there-is-no-such-bucket/a.jpg")


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for uri in (str(tmp_path), str(tmp_path / "pipe"), "/dev/zero"):
        with pytest.raises(UnreadableImage, match="not a plain file"):
            read_image(uri)


def test_paths_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("a\0b", "x" * 5000):
        with pytest.raises(UnreadableImage, match="cannot be read"):
            read_image(f"{tmp_path}/{name}")


@pytest.mark.parametrize("uri", ["http://127.0.0.1/a.png", "data:image/png;base64,AA", "file://host/a.png"])
def test_what_is_never_fetched(uri: str) -> None:
    """Refused by name: an image that is only missing would be set aside in silence."""
    for read in (read_image, list_images):
        with pytest.raises(RefusedImage, match="never fetched|no host is asked"):
            read(uri)


def test_file_addresses(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"image")
    assert read_image(f"file://{tmp_path}/a%20b.png") == b"image"
    assert list_images(f"file://{tmp_path}").images == {"a b.png": f"{tmp_path}/a b.png"}


def test_only_allowed_sources_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("images/a.png", "images-2/a.png"):
        store.write(key, b"image")
    monkeypatch.setenv(VARIABLE, f"{store.root}/images")
    assert read_image(store.locate("images/a.png")) == b"image"
    assert list(list_images(f"{store.root}/images").images) == ["a.png"]
    with pytest.raises(RefusedImage, match="not from an allowed source"):
        read_image(store.locate("images-2/a.png"))
    for folder in (store.root, f"{store.root}/images-2"):
        with pytest.raises(RefusedImage, match="not from an allowed source"):
            list_images(folder)


def test_a_link_laid_between_look_and_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    picture, secret = tmp_path / "images" / "a.png", tmp_path / "secret"
    picture.write_bytes(b"image")
    secret.write_bytes(b"secret")
    monkeypatch.setenv(VARIABLE, str(picture.parent))

    def swapped(path: str) -> str:
        found = allowed_sources.allowed_image(path)
        picture.unlink()
        picture.symlink_to(secret)
        return found

    monkeypatch.setattr(source, "allowed_image", swapped)
    with pytest.raises(RefusedImage, match="which leads to '.*/secret'"):
        read_image(str(picture))


def test_a_pipe_laid_between_look_and_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"image")
    opened = os.open

    def swapped(path: Path, flags: int) -> int:
        picture.unlink()
        os.mkfifo(picture)
        return opened(path, flags)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(UnreadableImage, match="not a plain file"):
        read_image(str(picture))


def test_an_image_that_was_damaged_on_the_way_is_read_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [b"damaged", b"content"]
    monkeypatch.setattr(source, "read_image", lambda uri: answers.pop(0))
    assert read_unchanged_image("s3://bucket/a.jpg", digest_of_bytes(b"content")) == b"content"


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_disk_that_fails_says_nothing_about_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def failing(path: Path, flags: int) -> int:
        raise OSError(number, "it fails")

    (tmp_path / "a.jpg").write_bytes(b"image")
    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(TransientError, match="a.jpg cannot be read now: it fails. Run the same command again"):
        read_image(str(tmp_path / "a.jpg"))
