"""Image bytes → upright 8-bit RGB pixels, or the reason why not."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 100_000_000
"""Pictures with more pixels than this are set aside unread, whatever their file size (decompression bombs)."""


class UnreadableImage(Exception):
    """An image that has to be set aside; the text is the reason, for the quarantine table."""


def decode_image(data: bytes) -> Image.Image:
    """Decode a JPEG, PNG or WebP file.

    Sixteen-bit greyscale is scaled to eight bits, CMYK and palettes are converted, transparent pixels are laid on white,
    and a rotation asked for by EXIF is carried out. Of an animation the first frame is taken.

    Args:
        data: the file's content.

    Returns:
        An RGB image.

    Raises:
        UnreadableImage: empty, truncated, too large, or not an image of these formats.
    """
    if not data:
        raise UnreadableImage("empty file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise UnreadableImage(
                        f"{image.width}×{image.height} pixels are more than the limit of {MAX_PIXELS:,}"
                    )
                image.load()
                return _to_rgb(ImageOps.exif_transpose(image))
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"more pixels than the limit of {MAX_PIXELS:,}") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImage("not a JPEG, PNG or WebP image") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, ArithmeticError, MemoryError) as error:
        raise UnreadableImage(f"cannot be decoded: {error}") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I") or image.mode == "F":
        wide = np.asarray(image).astype(np.float64)
        return Image.fromarray((wide / 257).round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if "A" in image.mode or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")
