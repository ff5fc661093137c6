"""The contact sheet: thumbnails and captions of the query's first picks, whatever state the images are in."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw

from labelcycle.components.core.storage.tables import QUERY, with_schema
from labelcycle.components.publish.query_thumbnails import (
    CELL_HEIGHT,
    CELL_WIDTH,
    GAP,
    SIDE,
    draw_contact_sheet,
    read_thumbnails,
)

RED, GREEN = (200, 10, 10), (10, 180, 20)
GREY = (0xD8, 0xDE, 0xE4)


def query(count: int, **columns: list[Any]) -> pa.Table:
    content: dict[str, list[Any]] = {
        "sample_id": [f"sample-{number}" for number in range(count)],
        "rank": list(range(1, count + 1)),
        "score": [0.5] * count,
        "reason": ["entropy 1.234"] * count,
        "cluster": [None] * count,
        "predicted": ["cat"] * count,
        "confidence": [0.41] * count,
        "represents": [None] * count,
        "explore": [False] * count,
    }
    return with_schema(pa.table(content | columns), QUERY)


def drawn(table: pa.Table, uris: dict[str, str | None]) -> bytes | None:
    return draw_contact_sheet(table, read_thumbnails(table["sample_id"].to_pylist(), uris))


def picture(path: Path, color: tuple[int, int, int], size: tuple[int, int] = (300, 300)) -> str:
    Image.new("RGB", size, color).save(path)
    return str(path)


def decoded(png: bytes | None) -> np.ndarray:
    assert png is not None
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


def middle(sheet: np.ndarray, place: int) -> tuple[int, ...]:
    """The colour in the middle of the thumbnail at `place`, six to a row."""
    row, column = divmod(place, 6)
    half = SIDE // 2
    return tuple(int(part) for part in sheet[GAP + row * CELL_HEIGHT + half, GAP + column * CELL_WIDTH + half])


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line of text that is drawn."""
    lines: list[str] = []
    write = ImageDraw.ImageDraw.text

    def keep(canvas: ImageDraw.ImageDraw, position: tuple[float, float], line: str, **style: Any) -> None:
        lines.append(line)
        write(canvas, position, line, **style)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", keep)
    return lines


def test_thumbnails_stand_in_the_order_of_the_query(tmp_path: Path) -> None:
    red, green = picture(tmp_path / "red.png", RED), picture(tmp_path / "green.png", GREEN)
    uris: dict[str, str | None] = {f"sample-{number}": red if number % 2 else green for number in range(8)}
    sheet = decoded(drawn(query(8), uris))
    assert [middle(sheet, place) for place in range(8)] == [GREEN, RED] * 4
    assert sheet.shape[:2] == (GAP + 2 * CELL_HEIGHT, GAP + 6 * CELL_WIDTH)


def test_a_short_query_makes_a_small_sheet(tmp_path: Path) -> None:
    sheet = decoded(drawn(query(2), {"sample-0": picture(tmp_path / "red.png", RED)}))
    assert sheet.shape[:2] == (GAP + CELL_HEIGHT, GAP + 2 * CELL_WIDTH)


def test_picks_without_a_thumbnail_are_left_out(tmp_path: Path) -> None:
    thumbnails = read_thumbnails(["sample-0", "sample-1"], {"sample-0": picture(tmp_path / "red.png", RED)})
    sheet = decoded(draw_contact_sheet(query(100), thumbnails))
    assert sheet.shape[:2] == (GAP + CELL_HEIGHT, GAP + 2 * CELL_WIDTH)


def test_long_and_wide_images_keep_their_shape(tmp_path: Path) -> None:
    wide = picture(tmp_path / "wide.png", RED, (4000, 10))
    sheet = decoded(drawn(query(1), {"sample-0": wide}))
    assert middle(sheet, 0)[0] > 150
    assert (sheet[GAP + 5, GAP + 5 : GAP + SIDE - 5] != RED).any(axis=1).all()


def test_the_caption_has_rank_class_confidence_and_reason(tmp_path: Path, written: list[str]) -> None:
    drawn(query(1), {"sample-0": picture(tmp_path / "red.png", RED)})
    assert written == ["#1: cat", "confidence 41%", "entropy 1.234"]


def test_a_query_without_a_model_says_so(tmp_path: Path, written: list[str]) -> None:
    uris: dict[str, str | None] = {"sample-0": picture(tmp_path / "red.png", RED)}
    drawn(query(1, predicted=[None], confidence=[None]), uris)
    assert written == ["#1: no prediction", "entropy 1.234"]


def test_long_texts_stay_below_their_thumbnail(tmp_path: Path, written: list[str]) -> None:
    uris: dict[str, str | None] = {"sample-0": picture(tmp_path / "red.png", RED)}
    sheet = decoded(drawn(query(1, predicted=["class " * 500], reason=["x" * 5000]), uris))
    assert len(written) == 4
    assert written[0].endswith("…") and written[-1].endswith("…")
    assert (sheet[:, GAP + SIDE + 2 :] == 255).all()
    assert (sheet[-4:] == 255).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        (b"", "empty file"),
        (b"this is no image", "not an image of a format"),
        (b"\x89PNG\r\n\x1a\n broken", "not an image of a format|decode"),
    ],
)
def test_an_unreadable_image_is_a_grey_box_with_the_reason(
    tmp_path: Path, written: list[str], content: bytes | None, reason: str
) -> None:
    damaged = tmp_path / "damaged.png"
    if content is not None:
        damaged.write_bytes(content)
    uris: dict[str, str | None] = {"sample-0": str(damaged), "sample-1": picture(tmp_path / "red.png", RED)}
    sheet = decoded(drawn(query(2), uris))
    assert middle(sheet, 1) == RED
    assert tuple(sheet[GAP + SIDE - 5, GAP + 5]) == GREY
    assert re.search(reason, " ".join(written))


def test_a_pick_without_an_image_is_a_grey_box(tmp_path: Path, written: list[str]) -> None:
    uris: dict[str, str | None] = {"sample-0": None, "sample-1": picture(tmp_path / "red.png", RED)}
    sheet = decoded(drawn(query(3), uris))
    assert middle(sheet, 0) == middle(sheet, 2) == GREY
    assert written.count("no image file") == 2


def test_no_sheet_without_picks_or_without_images(tmp_path: Path) -> None:
    assert drawn(query(0), {"sample-0": picture(tmp_path / "red.png", RED)}) is None
    assert drawn(query(3), {"sample-0": None}) is None
    assert drawn(query(3), {}) is None


def test_the_same_query_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    uris: dict[str, str | None] = {"sample-0": picture(tmp_path / "red.png", RED)}
    first = drawn(query(1), uris)
    assert first == drawn(query(1), uris)
    assert first != drawn(query(1, predicted=["dog"]), uris)
    assert first is not None and not Image.open(io.BytesIO(first)).info
