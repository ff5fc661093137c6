"""Pictures, and files of them."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """A function: (image, kind, settings of Pillow) → the image as a file of this kind."""

    def encoded(image: Image.Image, kind: str, **settings: Any) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **settings)
        return file.getvalue()

    return encoded


@pytest.fixture(scope="session")
def gradient() -> Image.Image:
    """A smooth picture of 48×32 whose four corners differ."""
    red = Image.linear_gradient("L").rotate(90).resize((48, 32))
    green = Image.linear_gradient("L").resize((48, 32))
    return Image.merge("RGB", (red, green, Image.new("L", (48, 32), 90)))


@pytest.fixture(scope="session")
def files(gradient: Image.Image, encode: Callable[..., bytes]) -> dict[str, bytes]:
    """The gradient as a file of each format."""
    return {kind: encode(gradient, kind) for kind in ("JPEG", "PNG", "WEBP")}
