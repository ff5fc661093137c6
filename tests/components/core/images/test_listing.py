"""What lies in a folder of images: what is taken, and what is passed over and told."""

import os
from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.images.decode import reads_heif
from labelcycle.components.core.images.listing import Listing, list_images, no_images
from labelcycle.components.core.images.members import CONTAINERS
from labelcycle.components.core.storage import Store, open_store


@pytest.fixture
def store(store_root: str) -> Store:
    return open_store(store_root)


def test_images_at_any_depth_by_their_endings(store: Store) -> None:
    names = ["b/c.JPG", "a.png", "b/d.jpeg", "ünï.webp", "a/z.jpg", "e.TIF", "f.bmp", "g.gif", "h.jfif", "i.avif"]
    for name in [*names, "notes.txt", "jpg", "b/archive.jpg.zip", "more.TXT"]:
        store.write(name, b"")
    found = list_images(store.root)
    assert list(found.images) == sorted(names)
    assert found.images == {name: store.locate(name) for name in names}
    assert found.other_endings == {".txt": 2, "": 1, ".zip": 1}
    assert found.passed_over == "files with other endings: .txt 2, no ending 1, .zip 1"


def test_hidden_files_and_folders_are_passed_over(store: Store) -> None:
    for name in ("a.png", "._a.png", ".cache/b.png", "c/.d.png"):
        store.write(name, b"")
    found = list_images(store.root)
    assert list(found.images) == ["a.png"] and found.passed_over == "hidden files and folders: 3"


def test_a_folder_of_images_alone_passes_nothing_over(store: Store) -> None:
    store.write("a.png", b"")
    assert list_images(store.root).passed_over == ""


def test_links_to_folders_are_followed_where_that_is_said(tmp_path: Path) -> None:
    for name in ("photos/a.png", "elsewhere/b.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    for link, target in (("b", "elsewhere"), ("again", "elsewhere"), ("loop", "photos")):
        (tmp_path / "photos" / link).symlink_to(tmp_path / target)
    (tmp_path / "photos" / "c.png").symlink_to(tmp_path / "elsewhere" / "b.png")
    (tmp_path / "photos" / "gone.png").symlink_to(tmp_path / "nowhere")
    found = list_images(str(tmp_path / "photos"))
    assert list(found.images) == ["a.png", "c.png"]
    assert found.passed_over == "linked folders: 3 (--follow-links reads them); links to nothing: 1"
    followed = list_images(str(tmp_path / "photos"), follow_links=True)
    assert followed.passed_over == "links to nothing: 1" and len(followed.images) == 3
    assert os.path.basename(list(followed.images)[-1]) == "c.png"  # noqa: PTH119
    assert {"again/b.png", "b/b.png"} & followed.images.keys()


def test_links_to_nothing_and_special_files_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "to-pipe.png").symlink_to(tmp_path / "pipe.png")
    found = list_images(str(tmp_path))
    assert list(found.images) == ["a.png"]
    assert sorted(found.no_files) == ["gone.png", "loop.png", "pipe.png", "to-pipe.png"]
    assert found.passed_over == "links to nothing: 3; neither files nor folders: 2"


def test_a_folder_without_an_image_says_what_is_there(tmp_path: Path) -> None:
    for name in ("a.txt", "b.heic"):
        (tmp_path / name).write_bytes(b"")
    message = no_images("photos", list_images(str(tmp_path)))
    assert message.startswith("photos holds no image (.jpg, ") and message.endswith("that holds the images.")
    assert ("labelcycle[heif]" in message) != reads_heif()


def test_what_may_have_been_meant_is_said(store: Store, tmp_path: Path) -> None:
    for name in ("a.png", "b/metadata.csv", "metadata.jsonl", "c.tar.gz"):
        store.write(name, b"")
    told = list_images(store.root).passed_over
    assert "metadata.jsonl, which may be a manifest (--images DIR/metadata.jsonl reads it)" in told
    assert ".gz 1, .jsonl 1 (compressed archives are not read: unpack them to .tar)" in told
    with pytest.raises(ConfigurationError, match="c.tgz: compressed archives are not read: unpack them to .tar"):
        list_images(str(tmp_path / "c.tgz"))


def test_many_endings_are_cut_short() -> None:
    listing = Listing()
    for number in range(20):
        listing.add(f"file.x{number}", "")
    assert listing.passed_over.endswith(".x15 1, …")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing is not a folder. Name the folder"):
        list_images(str(tmp_path / "missing"))


@pytest.mark.parametrize("name", ["list.txt", "one.png"])
def test_a_file_of_another_kind_is_told_which_kinds_are_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ConfigurationError) as refused:
        list_images(str(tmp_path / name))
    assert f"{name} is not a folder, and no file of a kind that is taken." in str(refused.value)
    for kind in ("a folder of images", ".csv", ".jsonl", *CONTAINERS):
        assert kind in str(refused.value)
