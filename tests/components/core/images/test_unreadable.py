"""Files that are no usable image: always UnreadableImage with a reason, whatever the bytes."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labelcycle.components.core.images.decode import UnreadableImage, decode_image

Encode = Callable[..., bytes]


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that declares this many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def webp_bomb(width: int, height: int) -> bytes:
    """An animated WebP without a frame that declares this canvas."""
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = (
        b"WEBPVP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_bomb(width: int, height: int, data: bytes) -> bytes:
    """A small JPEG with the size in its frame header replaced."""
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"this is text\n" * 100, "not an image of a format that is read"),
        (bytes(10_000), "not an image of a format that is read"),
        (b"\xff\xd8\xff", "not an image of a format that is read"),
        (b"\x89PNG\r\n\x1a\n", "not an image of a format that is read"),
        (png_bomb(0, 5), "not an image of a format that is read"),
        (png_bomb(1000, 1000), "cannot be decoded"),
    ],
)
def test_reasons(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        decode_image(data)


@pytest.mark.parametrize("kind", ["ICO", "PPM", "TGA", "JPEG2000"])
def test_other_formats_are_not_opened(gradient: Image.Image, encode: Encode, kind: str) -> None:
    with pytest.raises(UnreadableImage, match="not an image of a format that is read"):
        decode_image(encode(gradient, kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files(encode: Encode, kind: str, share: float) -> None:
    data = encode(Image.effect_noise((64, 64), 80), kind)
    with pytest.raises(UnreadableImage, match="cannot be decoded|not an image of a format"):
        decode_image(data[: int(len(data) * share)])


@pytest.mark.parametrize(("width", "height"), [(10_001, 10_000), (14_000, 14_000), (60_000, 60_000)])
def test_bombs_are_refused_by_their_size(files: dict[str, bytes], width: int, height: int) -> None:
    for data in (png_bomb(width, height), jpeg_bomb(width, height, files["JPEG"])):
        with pytest.raises(UnreadableImage, match="pixels.* than the limit of 100,000,000"):
            decode_image(data)


def test_the_limit_counts_pixels(files: dict[str, bytes]) -> None:
    assert decode_image(files["PNG"], most_pixels=48 * 32).size == (48, 32)
    with pytest.raises(UnreadableImage, match="48×32 pixels are more than the limit of 1,535"):
        decode_image(files["PNG"], most_pixels=48 * 32 - 1)


MEMORY = """
import resource, sys
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for bomb in sys.argv[1:]:
    try:
        decode_image(bytes.fromhex(bomb))
    except UnreadableImage:
        continue
    sys.exit("decoded")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bombs_do_not_take_memory(files: dict[str, bytes]) -> None:
    bombs = [png_bomb(14_000, 14_000), jpeg_bomb(14_000, 14_000, files["JPEG"]), webp_bomb(16_384, 16_384)]
    command = [sys.executable, "-c", MEMORY, *(bomb.hex() for bomb in bombs)]
    kibibytes = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert kibibytes < 50_000


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]))
def test_random_bytes_raise_nothing_else(data: bytes, start: bytes) -> None:
    with pytest.raises(UnreadableImage):
        decode_image(start + data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_images_raise_nothing_else(files: dict[str, bytes], data: st.DataObject) -> None:
    original = files[data.draw(st.sampled_from(sorted(files)))]
    mutated = bytearray(original)
    for place in data.draw(st.lists(st.integers(0, len(original) - 1), min_size=1, max_size=5)):
        mutated[place] = data.draw(st.integers(0, 255))
    start = data.draw(st.integers(0, len(original)))
    del mutated[start : start + data.draw(st.integers(0, 20))]
    try:
        image = decode_image(bytes(mutated))
    except UnreadableImage as error:
        assert str(error)
    else:
        assert image.mode == "RGB"
