"""Counting the scans of JPEG files."""

import io
from random import Random

import pytest
from PIL import Image

from labelcycle.components.core.images.decode import count_scans
from tests.harness.fuzz.bad_images import many_scans


def jpeg(**options: object) -> bytes:
    buffer = io.BytesIO()
    pixels = Random(0).randbytes(64 * 64 * 3)
    Image.frombytes("RGB", (64, 64), pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_scans_of_ordinary_files() -> None:
    assert count_scans(jpeg()) == 1
    assert 2 < count_scans(jpeg(progressive=True)) < 20


def test_a_scan_that_is_repeated_is_counted_each_time() -> None:
    assert count_scans(many_scans(50)) - count_scans(many_scans(1)) == 49


def test_what_lies_within_segments_and_behind_the_picture_is_not_counted() -> None:
    thumbnail = jpeg(progressive=True)
    assert count_scans(jpeg(exif=b"Exif\0\0" + thumbnail[:60_000]) + thumbnail) == 1


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xda", b"no picture", b"\xff\xd8\xff\xe0\xff\xff"])
def test_broken_files_have_few(data: bytes) -> None:
    assert count_scans(data) <= 1
