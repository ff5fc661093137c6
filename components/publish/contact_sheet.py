"""The contact sheet: thumbnails of the next query, with what the model thinks of each."""

import io
from typing import Any

import pyarrow as pa
from PIL import Image, ImageDraw, ImageFont

from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_image

COLUMNS = 6
THUMBNAIL = 160
"""Side of the square that a thumbnail is fitted into, in pixels."""
GAP = 12
LINE = 17
CAPTION_LINES = 4
CELL_WIDTH = THUMBNAIL + GAP
CELL_HEIGHT = THUMBNAIL + CAPTION_LINES * LINE + GAP
INK = "#24292f"
QUIET = "#57606a"
GREY = "#d8dee4"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_contact_sheet(query: pa.Table, uris: dict[str, str | None], limit: int = 48) -> bytes | None:
    """Draw the first `limit` picks, best first.

    Args:
        query: rows of `QUERY`, best pick first.
        uris: where each sample's image is, by id; None or absent where it has none.
        limit: how many picks at most, from 1.

    Returns:
        A PNG of up to six columns, the same bytes for the same query and images; None where the query is empty or none
        of these picks has an image. An image that cannot be read becomes a grey box with the reason in it.

    Raises:
        TransientError: S3 does not answer.
    """
    picks = query.slice(0, limit).to_pylist()
    if not any(uris.get(pick["sample_id"]) for pick in picks):
        return None
    columns = min(COLUMNS, len(picks))
    rows = -(-len(picks) // columns)
    sheet = Image.new("RGB", (GAP + columns * CELL_WIDTH, GAP + rows * CELL_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for number, pick in enumerate(picks):
        row, column = divmod(number, columns)
        left, top = GAP + column * CELL_WIDTH, GAP + row * CELL_HEIGHT
        _place_thumbnail(sheet, draw, uris.get(pick["sample_id"]), left, top)
        _write_caption(draw, pick, left, top + THUMBNAIL)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


def _fitted(picture: Image.Image) -> Image.Image:
    """The picture in its own shape, enlarged or reduced to fit the thumbnail square; no side is less than a pixel."""
    scale = THUMBNAIL / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height))


def _place_thumbnail(sheet: Image.Image, draw: ImageDraw.ImageDraw, uri: str | None, left: int, top: int) -> None:
    frame = (left, top, left + THUMBNAIL - 1, top + THUMBNAIL - 1)
    try:
        if not uri:
            raise UnreadableImage("no image file")
        picture = _fitted(decode_image(read_image(uri)))
    except UnreadableImage as reason:
        draw.rectangle(frame, fill=GREY)
        _write_lines(draw, _wrapped(str(reason), 12, THUMBNAIL - 20, 6), left + 10, top + 10, 12, QUIET)
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
