"""The query in pictures: thumbnails with the model's prediction, as cards of the report and as a contact sheet.

Each image is read once for all that show it.
"""

import base64
import bisect
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from PIL import Image, ImageDraw, ImageFont

from labelcycle.components.core.campaign.queries import Pick, picks_of
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_image

SIDE = 160
"""Of the square that a thumbnail is fitted into, in pixels."""
NO_FILE = "no image file"


@dataclass(frozen=True)
class Thumbnail:
    """A small picture, or why there is none."""

    picture: Image.Image | None
    problem: str = ""

    @property
    def has_file(self) -> bool:
        """Whether the sample has an image, be it one that cannot be read."""
        return self.problem != NO_FILE


def read_thumbnails(ids: Iterable[str], uris: Mapping[str, str | None]) -> dict[str, Thumbnail]:
    """Thumbnails by id, in the order of the ids. One that cannot be made says why.

    Args:
        ids: samples.
        uris: where each sample's image is; None or absent where it has none.

    Raises:
        TransientError: S3 does not answer.
    """
    return {sample_id: _read(uris.get(sample_id)) for sample_id in ids}


def _read(uri: str | None) -> Thumbnail:
    if not uri:
        return Thumbnail(None, NO_FILE)
    try:
        return Thumbnail(_fitted(decode_image(read_image(uri))))
    except UnreadableImage as reason:
        return Thumbnail(None, str(reason))


def _fitted(picture: Image.Image) -> Image.Image:
    """The picture in its own shape, enlarged or reduced to fit the square; no side is less than a pixel."""
    scale = SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height))


QUALITY = 75
MOST_BYTES = 800_000
"""Of all thumbnails in a report together."""


@dataclass(frozen=True)
class Card:
    """A pick.

    Attributes:
        pick: the pick.
        image: the thumbnail as a data URI; empty where there is none.
        problem: why there is none.
    """

    pick: Pick
    image: str
    problem: str


def query_cards(query: pa.Table, thumbnails: Mapping[str, Thumbnail], most_bytes: int = MOST_BYTES) -> list[Card]:
    """Cards of the picks that have thumbnails, best first; none where no pick has an image.

    Args:
        query: rows of `QUERY`, best pick first.
        thumbnails: by id, for the first picks or all.
        most_bytes: of all thumbnails together; picks after that have a card without one.
    """
    if not any(thumbnail.has_file for thumbnail in thumbnails.values()):
        return []
    cards, left = [], most_bytes
    for pick in picks_of(query):
        thumbnail = thumbnails.get(pick.sample_id)
        if thumbnail is None:
            continue
        if thumbnail.picture is None:
            cards.append(Card(pick, "", thumbnail.problem))
            continue
        data = _as_jpeg(thumbnail.picture)
        left -= len(data)
        shown = left >= 0
        cards.append(Card(pick, _data_uri(data) if shown else "", "" if shown else "left out to keep the page small"))
    return cards


def thumbnail_uri(picture: Image.Image) -> str:
    """The picture as a data URI of a JPEG."""
    return _data_uri(_as_jpeg(picture))


def _as_jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=QUALITY)
    return buffer.getvalue()


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


COLUMNS = 6
GAP = 12
LINE = 17
CAPTION_LINES = 4
CELL_WIDTH = SIDE + GAP
CELL_HEIGHT = SIDE + CAPTION_LINES * LINE + GAP
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
    picks = [pick for pick in picks_of(query) if pick.sample_id in thumbnails]
    if not any(thumbnail.has_file for thumbnail in thumbnails.values()):
        return None
    columns = min(COLUMNS, len(picks))
    rows = -(-len(picks) // columns)
    sheet = Image.new("RGB", (GAP + columns * CELL_WIDTH, GAP + rows * CELL_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for number, pick in enumerate(picks):
        row, column = divmod(number, columns)
        left, top = GAP + column * CELL_WIDTH, GAP + row * CELL_HEIGHT
        _place_thumbnail(sheet, draw, thumbnails[pick.sample_id], left, top)
        _write_caption(draw, pick, left, top + SIDE)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


def _place_thumbnail(sheet: Image.Image, draw: ImageDraw.ImageDraw, thumbnail: Thumbnail, left: int, top: int) -> None:
    frame = (left, top, left + SIDE - 1, top + SIDE - 1)
    picture = thumbnail.picture
    if picture is None:
        draw.rectangle(frame, fill=GREY)
        _write_lines(draw, _wrapped(thumbnail.problem, 12, SIDE - 20, 6), left + 10, top + 10, 12, QUIET)
        return
    draw.rectangle(frame, fill="#f6f8fa")
    sheet.paste(picture, (left + (SIDE - picture.width) // 2, top + (SIDE - picture.height) // 2))
    draw.rectangle(frame, outline=GREY)


def _write_caption(draw: ImageDraw.ImageDraw, pick: Pick, left: int, top: int) -> None:
    title = f"#{pick.rank}: {pick.predicted or 'no prediction'}"
    _write_lines(draw, _wrapped(title, 14, SIDE, 1), left, top + 3, 14, INK)
    lines = [] if pick.confidence is None else [f"confidence {pick.confidence:.0%}"]
    lines += _wrapped(pick.reason, 12, SIDE, CAPTION_LINES - 1 - len(lines))
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
    lengths = range(1, min(len(text), 200) + 1)
    return max(1, bisect.bisect_right(lengths, width, key=lambda end: font.getlength(text[:end])))


def _font(size: int) -> Font:
    """The font that comes with Pillow, so that sheets are the same on every machine."""
    return ImageFont.load_default(size)
