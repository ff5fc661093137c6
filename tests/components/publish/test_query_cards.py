"""Cards of the query: thumbnails inside, bounded in bytes."""

import base64
import io

import numpy as np
import pyarrow as pa
from PIL import Image

from labelcycle.components.core.storage.tables import QUERY, with_schema
from labelcycle.components.publish.query_thumbnails import NO_FILE, Thumbnail, query_cards


def query(count: int) -> pa.Table:
    names = [f"sample-{number}" for number in range(count)]
    table = {"sample_id": names, "rank": list(range(1, count + 1)), "reason": ["entropy 1.2"] * count}
    return with_schema(pa.table(table | {"rank": pa.array(table["rank"], pa.int32())}), QUERY)


def plain(seed: int = 0) -> Thumbnail:
    return Thumbnail(Image.fromarray(np.random.default_rng(seed).integers(0, 256, (160, 90, 3), dtype=np.uint8)))


def test_a_card_holds_the_thumbnail_as_a_small_jpeg() -> None:
    (card,) = query_cards(query(1), {"sample-0": plain()})
    kind, data = card.image.split(",", 1)
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert (kind, picture.format, picture.size) == ("data:image/jpeg;base64", "JPEG", (90, 160))
    assert (card.pick.sample_id, card.problem) == ("sample-0", "")


def test_cards_stand_in_the_order_of_the_query_and_leave_out_what_has_no_thumbnail() -> None:
    found = query_cards(query(9), {"sample-4": plain(), "sample-2": Thumbnail(None, "damaged")})
    assert [(card.pick.rank, bool(card.image), card.problem) for card in found] == [
        (3, False, "damaged"),
        (5, True, ""),
    ]


def test_a_query_without_images_has_no_cards() -> None:
    assert query_cards(query(2), {"sample-0": Thumbnail(None, NO_FILE)}) == []
    assert query_cards(query(0), {}) == []


def test_damaged_images_have_cards_that_say_so() -> None:
    assert [card.problem for card in query_cards(query(1), {"sample-0": Thumbnail(None, "empty file")})] == [
        "empty file"
    ]


def test_bytes_are_bounded() -> None:
    size = len(base64.b64decode(query_cards(query(1), {"sample-0": plain()})[0].image.split(",", 1)[1]))
    found = query_cards(query(3), {f"sample-{number}": plain() for number in range(3)}, 2 * size)
    assert [bool(card.image) for card in found] == [True, True, False]
    assert found[2].problem == "left out to keep the page small"
