"""Bad images: what cameras, disks, converters and attackers make. The same number makes the same image."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image

from tests.harness.fuzz.mutation import damaged

MODES = {
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
    "JPEG": ("RGB", "L", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("RGB", "RGBA", "L", "P", "1", "CMYK", "I;16"),
    "GIF": ("RGB", "P", "L"),
    "BMP": ("RGB", "L", "P", "1"),
    "AVIF": ("RGB", "RGBA"),
}


def _pixels(random: Random, mode: str, size: tuple[int, int]) -> Image.Image:
    generator = np.random.default_rng(random.randrange(2**32))
    if mode == "I;16":
        return Image.fromarray(generator.integers(0, 65536, (size[1], size[0]), dtype=np.uint16))
    picture = Image.fromarray(generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    return picture.convert(mode)


def valid(random: Random, kind: str | None = None) -> bytes:
    """A small image of a random format, mode and set of extras, which decoders can read."""
    kind = kind or random.choice(tuple(MODES))
    size = (random.choice((1, 2, 7, 32, 65)), random.choice((1, 3, 8, 32)))
    picture = _pixels(random, random.choice(MODES[kind]), size)
    options: dict[str, object] = {}
    if random.randrange(2):
        exif = Image.Exif()
        exif[0x0112] = random.choice((1, 3, 6, 8, 0, 9, 65535))
        exif[0x010E] = "a" * random.choice((1, 300))
        options["exif"] = exif.tobytes()
    if random.randrange(3) == 0:
        options["icc_profile"] = random.randbytes(random.choice((0, 10, 128, 3000)))
    if kind == "JPEG":
        options |= {"progressive": random.randrange(2) == 0, "quality": random.choice((1, 50, 95))}
    if kind == "PNG" and picture.mode in ("P", "L", "RGB") and random.randrange(3) == 0:
        options["transparency"] = (1, 2, 3) if picture.mode == "RGB" else 1
    if kind == "WEBP":
        options["lossless"] = random.randrange(2) == 0
    if kind in ("TIFF", "AVIF"):
        options = {}  # their encoders fail, or end the process, on a false profile
    if kind == "TIFF":
        options["compression"] = random.choice((None, "tiff_lzw", "tiff_adobe_deflate", "packbits"))
    if kind in ("PNG", "WEBP", "GIF", "TIFF", "AVIF") and random.randrange(4) == 0:
        options |= {"save_all": True, "append_images": [picture.copy() for _ in range(2)], "duration": 1}
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return _without_times(buffer.getvalue()) if kind == "AVIF" else buffer.getvalue()


def _without_times(image: bytes) -> bytes:
    """An AVIF in which the boxes of a sequence say no time of making, which its encoder takes from the clock."""
    data = bytearray(image)
    for box in re.finditer(b"mvhd|tkhd|mdhd", image):
        start, width = box.end() + 4, 16 if image[box.end()] else 8
        data[start : start + width] = bytes(width)
    return bytes(data)


def _chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    return (
        struct.pack(">I", len(data) if length is None else length)
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
    )


def png(width: int, height: int, depth: int, colour: int, data: bytes, extra: bytes = b"") -> bytes:
    """A PNG file whose header says whatever one likes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + extra
        + _chunk(b"IDAT", zlib.compress(data))
        + _chunk(b"IEND", b"")
    )


def _odd_header(random: Random) -> bytes:
    """Sizes of nothing, huge sizes, depths and colours that do not exist."""
    sizes = (0, 1, 5, 4000, 30_000, 65_535, 2**31 - 1, 2**31, 2**32 - 1)
    return png(
        random.choice(sizes),
        random.choice(sizes),
        random.choice((1, 2, 4, 8, 16, 0, 3, 255)),
        random.choice((0, 2, 3, 4, 6, 1, 7, 255)),
        bytes(random.choice((0, 10, 5000))),
    )


def _bomb(random: Random) -> bytes:
    """A small file that says, and even holds, very many pixels or very much text."""
    kind = random.randrange(5)
    if kind == 4:
        return png(9_999, 9_999, 8, 0, bytes(10_000 * 9_999))
    if kind == 0:
        side = random.choice((9_000, 10_001, 20_000, 50_000))
        return png(side, side, 8, 0, bytes(1_000_000))
    if kind == 1:
        name = random.choice((b"zTXt", b"iCCP"))
        return png(2, 2, 8, 2, bytes(14), _chunk(name, b"k\0\0" + zlib.compress(bytes(80_000_000))))
    if kind == 2:
        return png(2, 2, 8, 2, bytes(14), _chunk(b"tEXt", b"a", 2**31 - 1))
    return png(4000, 4000, 8, 2, bytes(48_004_000))


def many_scans(scans: int = 400) -> bytes:
    """A progressive JPEG in which one scan stands very often: each costs as much as the whole picture."""
    buffer = io.BytesIO()
    Image.new("L", (4000, 4000)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    begin = data.rindex(b"\xff\xda")
    return data[:begin] + data[begin:-2] * scans + data[-2:]


def _jpeg_marker(random: Random) -> bytes:
    """A JPEG with a segment that no camera writes."""
    data = valid(random, "JPEG")
    marker = random.choice((0xC0, 0xC2, 0xC3, 0xC9, 0xC4, 0xDB, 0xDA, 0xDD, 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE))
    content = random.randbytes(random.choice((0, 4, 17, 200)))
    if marker == 0xE1:
        content = b"Exif\0\0" + random.choice((b"II*\0", b"MM\0*", b"")) + content
    if marker == 0xE2:
        content = random.choice((b"ICC_PROFILE\0\x01\x09", b"MPF\0II*\0")) + content
    length = random.choice((len(content) + 2, 0, 1, 65535))
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", length) + content + data[2:]


def _wrong_format(random: Random) -> bytes:
    """Formats that are not taken, text, and nothing."""
    kind = random.choice(("GIF", "BMP", "TIFF", "PPM", "ICO", "text", "noise", "empty", "signature"))
    if kind == "text":
        return random.choice(
            (b"<html><body>404</body></html>", b"sample_id,label\n", b"%PDF-1.7\n", b"<svg/>", b"\x00" * 50)
        )
    if kind == "noise":
        return random.randbytes(random.choice((1, 10, 1000)))
    if kind == "empty":
        return b""
    if kind == "signature":
        return random.choice(
            (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\xff\xff\xff\xffWEBPVP8X", b"RIFF\0\0\0\0WEBP")
        )
    buffer = io.BytesIO()
    _pixels(random, "RGB", (4, 4)).save(buffer, kind)
    return buffer.getvalue()


def _polyglot(random: Random) -> bytes:
    """Two formats in one file."""
    first, second = (
        valid(random),
        random.choice((valid(random), b"PK\x03\x04" + bytes(30), b"<script>alert(1)</script>")),
    )
    return random.choice((first + second, second + first, first[: len(first) // 2] + second))


def _truncated(random: Random) -> bytes:
    data = valid(random)
    return data[: random.randrange(len(data))]


def _damaged(random: Random) -> bytes:
    return damaged(valid(random), random)


def _webp_header(random: Random) -> bytes:
    """An extended WebP whose canvas is not that of its frames."""
    data = bytearray(valid(random, "WEBP"))
    if data[12:16] != b"VP8X":
        flags = bytes((random.randrange(64), 0, 0, 0))
        canvas = b"".join(random.choice((0, 1, 16_383, 2**24 - 1)).to_bytes(3, "little") for _ in range(2))
        data[12:12] = b"VP8X" + struct.pack("<I", 10) + flags + canvas
        data[4:8] = struct.pack("<I", len(data) - 8)
    else:
        data[24 + random.randrange(6)] = random.randrange(256)
    return bytes(data)


KINDS: dict[str, Callable[[Random], bytes]] = {
    "truncated": _truncated,
    "damaged": _damaged,
    "odd header": _odd_header,
    "jpeg segment": _jpeg_marker,
    "webp header": _webp_header,
    "wrong format": _wrong_format,
    "polyglot": _polyglot,
    "valid but odd": valid,
    "bomb": _bomb,
}
WEIGHTS = (30, 40, 8, 20, 10, 10, 10, 20, 1)


def bad_image(number: int, seed: int = 0) -> tuple[str, bytes]:
    """The kind and the bytes of bad image `number`."""
    random = Random(f"{seed} {number}")
    kind = random.choices(list(KINDS), WEIGHTS)[0]
    return kind, KINDS[kind](random)
