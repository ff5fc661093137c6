"""The query as cards: of each pick a thumbnail, and what the model thinks of it."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from PIL import Image

from labelcycle.components.publish.thumbnails import Thumbnail

QUALITY = 75
MOST_BYTES = 800_000
"""Of all thumbnails together; picks after that have a card without one."""


@dataclass(frozen=True)
class Card:
    """A pick.

    Attributes:
        pick: its row of `QUERY`.
        image: the thumbnail as a data URI; empty where there is none.
        problem: why there is none.
    """

    pick: dict[str, Any]
    image: str
    problem: str


def query_cards(query: pa.Table, thumbnails: Mapping[str, Thumbnail]) -> list[Card]:
    """Cards of the picks that have thumbnails, best first; none where no pick has an image.

    Args:
        query: rows of `QUERY`, best pick first.
        thumbnails: by id, for the first picks or all.
    """
    if not any(thumbnail.has_file for thumbnail in thumbnails.values()):
        return []
    cards, left = [], MOST_BYTES
    for pick in query.to_pylist():
        thumbnail = thumbnails.get(pick["sample_id"])
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


def _as_jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=QUALITY)
    return buffer.getvalue()


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
