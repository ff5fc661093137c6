"""What `predict` of a model on images is given, as one way to the pixels of each.

A path is never text. All that reaches a model over HTTP is JSON, CSV or Parquet, which hold text, bytes and numbers, so
a client that sends the name of one of the server's files sends text. Here text is base64, as JSON carries bytes; other
text is refused. Nobody can send a `pathlib.Path`: it can only come from code in the model's own process, which could
open the file itself. This holds for whatever serves the model, as it rests on no guess whether it is being served. Who
has paths as text in a table loads the model with `model_config={"read_paths": True}`, and should not serve it so.
"""

import base64
import binascii
import os
import string
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_image

COLUMN = "image"

TEXT_REFUSED = (
    "text that is no base64. Images are sent as base64; paths are given in Python as pathlib.Path, or as text once the "
    "model is loaded with model_config={'read_paths': True}"
)
TAKEN = "give a pathlib.Path, the bytes of a file, base64 of them, or pixels"
BASE64 = (string.ascii_letters + string.digits + "+/=" + string.whitespace).encode()
"""No image file is made of these characters alone, so bytes that are are base64 that MLflow has left undecoded."""


def images_given(given: Any, read_paths: bool) -> list[Callable[[], Image.Image]]:
    """A function for each image that gives its RGB pixels, or raises `UnreadableImage`.

    Args:
        given: a DataFrame or dict with a column `image`, else its first column; a Series, a list or an array of images,
            also as pixels uint8 (N, H, W, 3), or one image alone. An image is the bytes of its file, base64 of them, a
            `pathlib.Path`, pixels uint8 (H, W, 3), or a PIL image.
        read_paths: whether text is a path or `s3://` URI.
    """
    return [partial(_decoded, one, read_paths) for one in _each(given)]


def _each(given: Any) -> Iterable[Any]:
    if isinstance(given, pd.DataFrame):
        return list(given[COLUMN] if COLUMN in given.columns else given.iloc[:, 0]) if given.size else []
    if isinstance(given, dict):
        return _each(given[COLUMN] if COLUMN in given else next(iter(given.values()), []))
    if isinstance(given, pd.Series | list | tuple):
        return list(given)
    if hasattr(given, "__array__") and not isinstance(given, Image.Image) and np.ndim(given):
        return [given] if np.ndim(given) == 3 else list(given)
    return [given]


def _decoded(one: Any, read_paths: bool) -> Image.Image:
    if isinstance(one, os.PathLike) or (read_paths and isinstance(one, str)):
        return decode_image(read_image(os.fspath(one)))
    if isinstance(one, str):
        return decode_image(_from_base64(one.encode()))
    if isinstance(one, bytes | bytearray | memoryview):
        data = bytes(one)
        return decode_image(data if data.translate(None, BASE64) else _from_base64(data))
    if isinstance(one, Image.Image):
        return _converted(one)
    if isinstance(one, list) or (hasattr(one, "__array__") and np.ndim(one)):
        return Image.fromarray(_pixels(one))
    is_missing = one is None or one is pd.NA or (isinstance(one, float) and np.isnan(one))
    raise UnreadableImage("no image" if is_missing else f"no image, but of type {type(one).__name__}; {TAKEN}")


def _converted(image: Image.Image) -> Image.Image:
    try:
        return image.convert("RGB")
    except OSError as error:
        raise UnreadableImage(f"cannot be decoded: {error}") from error


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableImage(TEXT_REFUSED) from error


def _pixels(values: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Pixels as they were given, or as the lists of whole numbers that MLflow makes of some arrays."""
    try:
        pixels = np.asarray(values)
    except ValueError as error:
        raise UnreadableImage("pixels whose rows differ in length") from error
    except (TypeError, RuntimeError) as error:  # such as of a tensor on another device
        raise UnreadableImage(f"pixels that are no array of NumPy: {error}") from error
    if (
        isinstance(values, list)
        and pixels.dtype.kind == "i"
        and pixels.size
        and 0 <= pixels.min() <= pixels.max() < 256
    ):
        pixels = pixels.astype(np.uint8)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise UnreadableImage(
            f"pixels are {pixels.dtype} of shape {pixels.shape}; they must be uint8 of shape (H, W, 3), RGB"
        )
    return pixels
