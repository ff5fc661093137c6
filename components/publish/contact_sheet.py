"""The contact sheet: thumbnails of the next query, with what the model thinks of each."""

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from PIL import Image, ImageDraw, ImageFont

from labelcycle.components.publish.thumbnails import SIDE as THUMBNAIL
from labelcycle.components.publish.thumbnails import Thumbnail

COLUMNS = 6
GAP = 12
LINE = 17
CAPTION_LINES = 4
CELL_WIDTH = THUMBNAIL + GAP
CELL_HEIGHT = THUMBNAIL + CAPTION_LINES * LINE + GAP
INK = "#24292f"
QUIET = "#57606a"
GREY = "#d8dee4"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_contact_sheet(query: pa.Table, thumbnails: Mapping[str, Thumbnail]) -> bytes | None:
    """Draw the picks that have thumbnails, best first.

    Args:
        query: rows of `QUERY`, best pick first.
        thumbnails: by id, for the first picks or all.

    Returns:
        A PNG of up to six columns, the same bytes for the same query and images; None where none of these picks has an
        image. An image that cannot be read becomes a grey box with the reason in it.
    """
    picks = [pick for pick in query.to_pylist() if pick["sample_id"] in thumbnails]
    if not any(thumbnail.has_file for thumbnail in thumbnails.values()):
        return None
    columns = min(COLUMNS, len(picks))
    rows = -(-len(picks) // columns)
    sheet = Image.new("RGB", (GAP + columns * CELL_WIDTH, GAP + rows * CELL_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for number, pick in enumerate(picks):
        row, column = divmod(number, columns)
        left, top = GAP + column * CELL_WIDTH, GAP + row * CELL_HEIGHT
        _place_thumbnail(sheet, draw, thumbnails[pick["sample_id"]], left, top)
        _write_caption(draw, pick, left, top + THUMBNAIL)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


def _place_thumbnail(sheet: Image.Image, draw: ImageDraw.ImageDraw, thumbnail: Thumbnail, left: int, top: int) -> None:
    frame = (left, top, left + THUMBNAIL - 1, top + THUMBNAIL - 1)
    picture = thumbnail.picture
    if picture is None:
        draw.rectangle(frame, fill=GREY)
        _write_lines(draw, _wrapped(thumbnail.problem, 12, THUMBNAIL - 20, 6), left + 10, top + 10, 12, QUIET)
        return
    draw.rectangle(frame, fill="#f6f8fa")
    sheet.paste(picture, (left + (THUMBNAIL - picture.width) // 2, top + (THUMBNAIL - picture.height) // 2))
    draw.rectangle(frame, outline=GREY)


def _write_caption(draw: ImageDraw.ImageDraw, pick: dict[str, Any], left: int, top: int) -> None:
    title = f"#{pick['rank']}: {pick['predicted'] or 'no prediction'}"
    _write_lines(draw, _wrapped(title, 14, THUMBNAIL, 1), left, top + 3, 14, INK)
    lines = [] if pick["confidence"] is None else [f"confidence {pick['confidence']:.0%}"]
    lines += _wrapped(pick["reason"], 12, THUMBNAIL, CAPTION_LINES - 1 - len(lines))
    _write_lines(draw, lines, left, top + 3 + LINE, 12, QUIET)


def _write_lines(draw: ImageDraw.ImageDraw, lines: list[str], left: int, top: int, size: int, color: str) -> None:
    for number, line in enumerate(lines):
        draw.text((left, top + number * LINE), line, fill=color, font=_font(size))


def _wrapped(text: str, size: int, width: int, most: int) -> list[str]:
    """The text in at most `most` lines of at most `width` pixels; what does not fit is cut and marked with …."""
    font = _font(size)
    lines: list[str] = []
    rest = " ".join(text.split())
    while rest and len(lines) < most:
        end = _fitting(rest, font, width)
        if end < len(rest):
            if len(lines) == most - 1:
                return [*lines, rest[: _fitting(rest, font, width - font.getlength("…"))].rstrip() + "…"]
            space = rest.rfind(" ", 0, end + 1)
            end = space if space > 0 else end
        lines.append(rest[:end])
        rest = rest[end:].lstrip()
    return lines


def _fitting(text: str, font: Font, width: float) -> int:
    """How many leading characters fit into `width` pixels, at least one."""
    end = min(len(text), 200)
    while end > 1 and font.getlength(text[:end]) > width:
        end -= 1
    return end


def _font(size: int) -> Font:
    """The font that comes with Pillow, so that sheets are the same on every machine."""
    return ImageFont.load_default(size)
