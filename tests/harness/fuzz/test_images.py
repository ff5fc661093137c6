"""A sample of the bad images, and those that are worst."""

from collections import Counter
from collections.abc import Iterator

import pytest

from labelcycle.components.core.images.decode import MAX_PIXELS, UnreadableImage, decode_image
from tests.harness.fuzz.bad_images import KINDS, bad_image, many_scans, png
from tests.harness.fuzz.images import outcome_of
from tests.harness.fuzz.limits import memory_limit

COUNT = 400


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    with memory_limit(3072):
        yield


def test_bad_images_are_decoded_or_set_aside() -> None:
    kinds, outcomes = Counter[str](), Counter[str]()
    for number in range(COUNT):
        kind, data = bad_image(number, seed=1)
        outcome, reason = outcome_of(data)
        assert outcome != "lost", (kind, number, reason)
        kinds[kind] += 1
        outcomes[outcome] += 1
    assert kinds.keys() >= KINDS.keys() - {"bomb"}
    assert min(outcomes["decoded"], outcomes["set aside"]) > COUNT / 10


def test_pictures_of_more_pixels_than_the_limit_are_not_decoded() -> None:
    side = int(MAX_PIXELS**0.5) + 1
    with pytest.raises(UnreadableImage, match="more pixels than the limit|pixels are more than"):
        decode_image(png(side, side, 8, 0, b""))


def test_pictures_without_pixels_are_set_aside() -> None:
    with pytest.raises(UnreadableImage):
        decode_image(png(0, 5, 8, 0, b""))


def test_progressive_pictures_with_very_many_scans_are_set_aside() -> None:
    with pytest.raises(UnreadableImage, match="scans of 4000×4000 pixels are more than decoding is worth"):
        decode_image(many_scans(scans=200))
    assert decode_image(many_scans(scans=2)).size == (4000, 4000)
