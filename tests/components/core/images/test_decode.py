"""Every kind of image file → the right RGB pixels."""

import struct
import sys
import threading
import warnings
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, features

from labelcycle.components.core.images.decode import UnreadableImage, decode_image

Encode = Callable[..., bytes]
WHITE, BLACK, RED, CLEAR = (255, 255, 255), (0, 0, 0), (255, 0, 0), (10, 20, 30, 0)


def png(size: tuple[int, int], depth: int, colour: int, rows: Sequence[bytes], *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG file made by hand; `extra` are chunks before the pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), *extra, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in chunks)


def pixels(data: bytes) -> list[tuple[int, ...]]:
    image = decode_image(data)
    assert image.mode == "RGB"
    return [tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()]


def one_row(mode: str, *values: object) -> Image.Image:
    image = Image.new(mode, (len(values), 1))
    for column, value in enumerate(values):
        image.putpixel((column, 0), value)  # type: ignore[arg-type]
    return image


def palette(**settings: object) -> Image.Image:
    image = one_row("P", 0, 1, 2)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    return image


def test_png_is_exact(gradient: Image.Image, files: dict[str, bytes]) -> None:
    assert np.array_equal(decode_image(files["PNG"]), gradient)


def test_lossless_webp_is_exact(gradient: Image.Image, encode: Encode) -> None:
    assert np.array_equal(decode_image(encode(gradient, "WEBP", lossless=True)), gradient)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("JPEG", {"quality": 95}), ("JPEG", {"quality": 95, "progressive": True}), ("WEBP", {"quality": 95})],
)
def test_lossy_formats_are_close(gradient: Image.Image, encode: Encode, kind: str, settings: dict[str, object]) -> None:
    decoded = np.asarray(decode_image(encode(gradient, kind, **settings)), np.int16)
    assert np.abs(decoded - np.asarray(gradient, np.int16)).mean() < 4


@pytest.mark.parametrize(
    ("image", "settings", "expected"),
    [
        (one_row("1", 0, 1), {}, [BLACK, WHITE]),
        (one_row("L", 0, 77, 255), {}, [BLACK, (77, 77, 77), WHITE]),
        (one_row("L", 0, 77), {"transparency": 77}, [BLACK, WHITE]),
        (one_row("LA", (0, 255), (0, 0), (100, 255)), {}, [BLACK, WHITE, (100, 100, 100)]),
        (one_row("RGB", RED, BLACK), {"transparency": RED}, [WHITE, BLACK]),
        (one_row("RGBA", (*RED, 255), CLEAR, (*RED, 51)), {}, [RED, WHITE, (255, 204, 204)]),
        (palette(), {}, [(255, 0, 0), (0, 255, 0), (0, 0, 255)]),
        (palette(), {"transparency": 1}, [(255, 0, 0), WHITE, (0, 0, 255)]),
        (palette(), {"transparency": bytes([255, 0, 51])}, [(255, 0, 0), WHITE, (204, 204, 255)]),
        (one_row("1", 0, 1), {"transparency": 0}, [WHITE, WHITE]),
    ],
    ids=["1-bit", "grey", "grey key", "LA", "RGB key", "RGBA", "palette", "palette key", "palette alpha", "1-bit key"],
)
def test_png_modes(
    image: Image.Image, settings: dict[str, object], expected: list[tuple[int, ...]], encode: Encode
) -> None:
    assert pixels(encode(image, "PNG", **settings)) == expected


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "tiff_adobe_deflate"})],
)
def test_formats_without_loss_are_exact(
    gradient: Image.Image, encode: Encode, kind: str, settings: dict[str, object]
) -> None:
    assert np.array_equal(decode_image(encode(gradient, kind, **settings)), gradient)


def test_of_animations_and_pages_the_first_is_taken(encode: Encode) -> None:
    first, second = one_row("RGB", RED, BLACK), one_row("RGB", WHITE, WHITE)
    for kind in ("GIF", "TIFF"):
        assert pixels(encode(first, kind, save_all=True, append_images=[second])) == [RED, BLACK]


def test_wide_greys_of_tiff_are_scaled(encode: Encode) -> None:
    wide = Image.fromarray(np.array([[0, 257, 65535]], np.uint16))
    assert pixels(encode(wide, "TIFF")) == [BLACK, (1, 1, 1), WHITE]


def test_fractions_are_set_aside(encode: Encode) -> None:
    with pytest.raises(UnreadableImage, match="pixels are fractions.*save it with 8 or 16 bits"):
        decode_image(encode(Image.fromarray(np.array([[0.5]], np.float32)), "TIFF"))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_avif_is_close(gradient: Image.Image, encode: Encode) -> None:
    decoded = np.asarray(decode_image(encode(gradient, "AVIF", quality=95)), np.int16)
    assert np.abs(decoded - np.asarray(gradient, np.int16)).mean() < 4


def test_transparent_webp_is_laid_on_white(encode: Encode) -> None:
    image = one_row("RGBA", (*RED, 255), CLEAR)
    assert pixels(encode(image, "WEBP", lossless=True)) == [RED, WHITE]


SHADES = struct.pack(">5H", 0, 257, 128 * 257, 65535, 65535 // 2)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ([], [0, 1, 128, 255, 127]),
        ([(b"tRNS", struct.pack(">H", 257))], [0, 255, 128, 255, 127]),
    ],
)
def test_sixteen_bit_grey(extra: list[tuple[bytes, bytes]], expected: list[int]) -> None:
    assert pixels(png((5, 1), 16, 0, [SHADES], *extra)) == [(shade, shade, shade) for shade in expected]


@pytest.mark.parametrize(
    ("colour", "row", "expected"),
    [
        (2, struct.pack(">6H", 65535, 0, 128 * 257, 0, 257, 65535), [(255, 0, 128), (0, 1, 255)]),
        (4, struct.pack(">4H", 128 * 257, 65535, 0, 0), [(128, 128, 128), WHITE]),
        (6, struct.pack(">8H", 65535, 0, 0, 65535, 0, 0, 0, 0), [RED, WHITE]),
    ],
    ids=["RGB", "LA", "RGBA"],
)
def test_sixteen_bit_colour(colour: int, row: bytes, expected: list[tuple[int, ...]]) -> None:
    assert pixels(png((2, 1), 16, colour, [row])) == expected


CMYK = [((255, 0, 0, 0), (0, 255, 255)), ((0, 0, 0, 0), WHITE), ((0, 0, 0, 255), BLACK), ((0, 255, 255, 0), RED)]


def test_cmyk_jpeg(encode: Encode) -> None:
    image = Image.new("CMYK", (64, 16))
    for column, (ink, _) in enumerate(CMYK):
        image.paste(ink, (16 * column, 0, 16 * column + 16, 16))
    decoded = decode_image(encode(image, "JPEG", quality=100))
    for column, (_, light) in enumerate(CMYK):
        assert decoded.getpixel((16 * column + 8, 8)) == pytest.approx(light, abs=4)


def test_ycck_jpeg_of_photoshop(encode: Encode) -> None:
    """Pillow stores ink inverted, as four plain channels; here they hold YCbCr of inverted ink, and are declared so."""
    cyan_in_ycbcr = (179, 171, 1)
    image = Image.new("CMYK", (16, 16), (*(255 - channel for channel in cyan_in_ycbcr), 0))
    data = encode(image, "JPEG", quality=100)
    transform = data.index(b"Adobe") + len(b"Adobe") + 6
    assert data[transform] == 0
    data = data[:transform] + b"\x02" + data[transform + 1 :]
    assert decode_image(data).getpixel((8, 8)) == pytest.approx(RED, abs=4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda upright: upright),
        (2, lambda upright: upright[:, ::-1]),
        (3, lambda upright: upright[::-1, ::-1]),
        (4, lambda upright: upright[::-1]),
        (5, lambda upright: upright.transpose(1, 0, 2)),
        (6, lambda upright: np.rot90(upright)),
        (7, lambda upright: upright[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda upright: np.rot90(upright, -1)),
    ],
)
def test_exif_rotation(
    gradient: Image.Image,
    encode: Encode,
    kind: str,
    orientation: int,
    turn: Callable[[np.ndarray], np.ndarray],  # type: ignore[type-arg]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turn(np.asarray(gradient))))
    decoded = decode_image(encode(stored, kind, exif=exif, quality=100))
    assert decoded.size == gradient.size
    assert np.abs(np.asarray(decoded, np.int16) - np.asarray(gradient, np.int16)).mean() < 4


def test_damaged_exif_does_not_cost_the_image(gradient: Image.Image, encode: Encode) -> None:
    data = encode(gradient, "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 9)
    assert np.array_equal(decode_image(data), gradient)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_give_their_first_frame(encode: Encode, kind: str) -> None:
    first, second = Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), BLACK)
    data = encode(first, kind, save_all=True, append_images=[second], lossless=True, duration=10)
    assert pixels(data) == [RED] * 16


def test_decoding_in_threads_leaves_the_warning_filters_alone(files: dict[str, bytes]) -> None:
    before = list(warnings.filters)
    together = threading.Barrier(4)

    def decode_many(number: int) -> None:
        together.wait()
        for _ in range(50):
            decode_image(files["PNG"])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as executor:
            list(executor.map(decode_many, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert list(warnings.filters) == before
