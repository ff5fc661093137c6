"""From RGB images to the backbone's input."""

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from labelcycle.components.core.backbones.build import normalise, pixel_transform
from labelcycle.components.core.campaign.campaign import Transform

SETTINGS = Transform(
    image_size=16, interpolation="bicubic", crop_share=0.8, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.125)
)


@pytest.fixture
def image() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_pixels_are_channels_first_bytes(image: Image.Image) -> None:
    pixels = pixel_transform(SETTINGS)(image)
    assert pixels.shape == (3, 16, 16) and pixels.dtype == np.uint8


@pytest.mark.parametrize("size", [(60, 40), (40, 60), (5, 5), (16, 16), (300, 17)])
def test_both_halves_are_the_evaluation_transform_of_timm(size: tuple[int, int], image: Image.Image) -> None:
    image = image.resize(size)
    steps = create_transform(
        input_size=(3, 16, 16), interpolation="bicubic", crop_pct=0.8, mean=SETTINGS.mean, std=SETTINGS.std
    )
    ours = normalise(torch.from_numpy(pixel_transform(SETTINGS)(image))[None], SETTINGS)[0]
    assert torch.allclose(ours, steps(image), atol=1e-5)


@pytest.mark.parametrize(
    "change", [{"crop_share": 0.5}, {"interpolation": "nearest"}, {"interpolation": "bilinear"}], ids=str
)
def test_every_setting_counts(change: dict[str, object], image: Image.Image) -> None:
    other = pixel_transform(SETTINGS.model_copy(update=change))(image)
    assert not np.array_equal(other, pixel_transform(SETTINGS)(image))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_every_interpolation_that_is_allowed_works(interpolation: str, image: Image.Image) -> None:
    settings = SETTINGS.model_copy(update={"interpolation": interpolation})
    assert pixel_transform(settings)(image).shape == (3, 16, 16)
