"""Thumbnails: one reading an image, the shape kept, and a reason where there is none."""

from pathlib import Path

import pytest
from PIL import Image

from labelcycle.components.publish import query_thumbnails as thumbnails
from labelcycle.components.publish.query_thumbnails import SIDE, read_thumbnails


def picture(path: Path, size: tuple[int, int]) -> str:
    Image.new("RGB", size, (200, 10, 10)).save(path)
    return str(path)


@pytest.mark.parametrize(
    ("size", "fitted"), [((8, 8), (SIDE, SIDE)), ((640, 320), (SIDE, SIDE // 2)), ((4000, 10), (SIDE, 1))]
)
def test_the_shape_is_kept(tmp_path: Path, size: tuple[int, int], fitted: tuple[int, int]) -> None:
    found = read_thumbnails(["one"], {"one": picture(tmp_path / "one.png", size)})["one"]
    assert found.picture is not None and found.picture.size == fitted and found.has_file


def test_each_image_is_read_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uris: dict[str, str | None] = {name: picture(tmp_path / f"{name}.png", (9, 9)) for name in ("b", "a", "c")}
    asked: list[str] = []
    read = thumbnails.read_image
    monkeypatch.setattr(thumbnails, "read_image", lambda uri: asked.append(uri) or read(uri))
    assert list(read_thumbnails(["b", "a"], uris)) == ["b", "a"]
    assert asked == [uris["b"], uris["a"]]


def test_why_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "damaged.png").write_bytes(b"no image")
    found = read_thumbnails(["damaged", "none", "absent"], {"damaged": str(tmp_path / "damaged.png"), "none": None})
    assert found["damaged"].has_file and "not an image of a format" in found["damaged"].problem
    assert (found["none"].problem, found["absent"].problem) == ("no image file", "no image file")
    assert not found["none"].has_file and not found["absent"].has_file
