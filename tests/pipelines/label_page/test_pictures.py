"""Images reach the browser as they are, or as PNG where browsers do not know the format."""

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from labelcycle.pipelines.label_page.open_queries import PoolImage
from labelcycle.pipelines.label_page.pictures import picture


def written(path: Path) -> PoolImage:
    Image.new("L", (600, 300), 128).save(path)
    return PoolImage(str(path), hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("ending", "kind"), [("png", "image/png"), ("jpg", "image/jpeg"), ("gif", "image/gif"), ("bmp", "image/bmp")]
)
def test_what_browsers_know_stays_as_it_is(ending: str, kind: str, tmp_path: Path) -> None:
    image = written(tmp_path / f"image.{ending}")
    assert picture(image) == (Path(image.uri).read_bytes(), kind)


def test_others_are_sent_as_png(tmp_path: Path) -> None:
    data, kind = picture(written(tmp_path / "image.tif"))
    assert kind == "image/png" and Image.open(io.BytesIO(data)).size == (600, 300)


def test_small_ones_are_made_small(tmp_path: Path) -> None:
    data, kind = picture(written(tmp_path / "image.png"), small=True)
    assert kind == "image/png" and Image.open(io.BytesIO(data)).size == (240, 120)
