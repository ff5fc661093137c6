"""Image bytes → upright 8-bit RGB pixels, or the reason why not.

Each scan of a progressive JPEG may cost a pass over all its pixels, so files with too many are refused.
"""

import functools
import io
import re
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from labelcycle.components.core.errors import TransientError, printable

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""What begins a segment: neither a stuffed byte, nor a restart, nor filling."""

_SCAN, _END, _BEGIN = 0xDA, 0xD9, 0xD8


def count_scans(data: bytes) -> int:
    """Scans of the first picture in a JPEG file; 0 where it is none.

    Cost: one search through the bytes of that picture.

    Source: ITU-T T.81, annex B.
    """
    scans, position = 0, 0
    while found := _MARKER.search(data, position):
        kind, position = data[found.start() + 1], found.end()
        if kind == _END:
            break
        scans += kind == _SCAN
        if kind != _BEGIN:
            position += int.from_bytes(data[position : position + 2], "big")
    return scans


warnings.filterwarnings("ignore", module=r"PIL\.")
"""Once for all: `catch_warnings` around each image would not be safe in threads."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")


@functools.cache
def reads_heif() -> bool:
    """Whether HEIC and HEIF files can be read, for which another package is needed (`labelcycle[heif]`)."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


MAX_PIXELS = 100_000_000
"""Pictures with more pixels than this are set aside unread, whatever their file size (decompression bombs)."""

SCAN_BYTES = 8
"""That a scan takes at least: its marker, and a header for one component."""

MAX_PASSES = 20 * MAX_PIXELS
"""Pixels of a JPEG times its scans. Cameras and programs write about ten scans; thousands of them take hours."""


CHANGED = "has changed"
"""What reasons say of an image in whose place there is another, or of a file that no longer holds it."""


class UnreadableImage(Exception):
    """An image that has to be set aside; the text is the reason, for the quarantine table."""


def decode_image(data: bytes, most_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF file, or HEIF where that is installed.

    Sixteen-bit greyscale is scaled to eight bits, CMYK and palettes are converted, transparent pixels are laid on
    white, and a rotation asked for by EXIF is carried out. Of an animation or several pages the first is taken.

    Args:
        data: the file's content.
        most_pixels: pictures with more are refused undecoded.

    Returns:
        An RGB image.

    Raises:
        UnreadableImage: empty, truncated, too large, or not an image of these formats.
        TransientError: there is no memory for an image within the limits.

    Cost: at most about 1.7 GB of memory, for a WebP of `MAX_PIXELS`, and ten seconds, for a JPEG of `MAX_PASSES`.
    """
    if not data:
        raise UnreadableImage("empty file")
    try:
        with Image.open(io.BytesIO(data), formats=(*FORMATS, *(["HEIF"] if reads_heif() else []))) as image:
            _refuse_costly(image, data, most_pixels)
            image.load()
            return _to_rgb(_upright(image))
    except UnreadableImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(f"more pixels than the limit of {MAX_PIXELS:,}") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"not an image of a format that is read: {', '.join(FORMATS)}") from error
    except MemoryError as error:
        raise TransientError(
            f"Not enough memory to decode an image of {len(data):,} bytes. Give the process more, or run again."
        ) from error
    except Exception as error:  # hostile bytes make decoders fail in ways that Pillow does not list
        raise UnreadableImage(printable(f"cannot be decoded: {error}")) from error


def _refuse_costly(image: Image.Image, data: bytes, most_pixels: int) -> None:
    """Refuse a picture by what its header says, before a pixel is decoded.

    Raises:
        UnreadableImage: it has too many pixels, or goes over them too often.
    """
    pixels = image.width * image.height
    if pixels > most_pixels:
        raise UnreadableImage(f"{image.width}×{image.height} pixels are more than the limit of {most_pixels:,}")
    if image.format not in ("JPEG", "MPO") or len(data) // SCAN_BYTES * pixels <= MAX_PASSES:
        return
    if (scans := count_scans(data)) * pixels > MAX_PASSES:
        raise UnreadableImage(f"{scans:,} scans of {image.width}×{image.height} pixels are more than decoding is worth")


TURNING = ("exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp")
"""Where Pillow looks for how an image is to be turned."""


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF asks; pixels are as good without EXIF that is damaged."""
    if image.format == "JPEG" and not any(name in image.info for name in TURNING):
        return image
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:  # whatever is wrong with it
        return image
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnreadableImage("its pixels are fractions, whose range no file says: save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _to_eight_bits(image).convert("RGB")
    if "A" in image.mode or "transparency" in image.info:
        layered = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", layered.size, "white")
        white.paste(layered, mask=layered.getchannel("A"))
        return white
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen-bit greyscale, scaled so that 65535 becomes 255; the shade declared transparent becomes white."""
    wide = np.asarray(image).astype(np.uint32)
    wide[wide == image.info.get("transparency", -1)] = 65535
    wide += 128
    wide //= 257
    return Image.fromarray(wide.clip(0, 255, out=wide).astype(np.uint8))
