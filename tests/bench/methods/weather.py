"""Copies of images as in snow, in fog, or out of focus: test sets that are not distributed like the training data.

Source: Hendrycks and Dietterich, ICLR 2019 (ImageNet-C), for what each does: snow is bright flakes, blurred along a
line, over a paler image; fog is a cloud of 1/f noise; blur is a Gaussian. Strengths are ours and grow with the side, so
that images of 64 pixels remain images; figures cannot be compared with those on ImageNet-C.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

from labelcycle.components.core.features.ordering import keyed_order, seed_for
from tests.bench.methods.images import Images

Pixels = np.ndarray
"""(H, W, 3) uint8."""

SEVERITIES = (0.4, 0.6, 0.8, 1.0, 1.2)
"""What severities 1 to 5 are multiplied with."""


def snow(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Flakes that fall aslant over an image that is paler than it was."""
    strength = SEVERITIES[severity - 1]
    height, width, _ = pixels.shape
    coarse = generator.random((height // 2 + 1, width // 2 + 1))
    flakes = zoom((coarse > 1 - 0.06 * strength).astype(np.float64), 2, order=1)[:height, :width]
    length = max(2, round(min(height, width) / 12))
    fallen = np.mean([np.roll(flakes, (step, step // 2), axis=(0, 1)) for step in range(length)], axis=0)
    fallen = np.clip(fallen * 3, 0, 1)[..., None]
    grey = pixels.mean(axis=2, keepdims=True)
    pale = (1 - 0.4 * strength) * pixels + 0.4 * strength * np.maximum(pixels, 0.6 * grey + 100)
    return _as_pixels(pale * (1 - fallen) + 255 * fallen)


def fog(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """A cloud of 1/f noise over an image of less contrast."""
    strength = 1.5 * SEVERITIES[severity - 1]
    height, width, _ = pixels.shape
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequencies[0, 0] = np.inf
    phases = np.exp(2j * np.pi * generator.random(frequencies.shape))
    cloud = np.fft.irfft2(phases / frequencies**1.5, s=(height, width))
    cloud = (cloud - cloud.min()) / max(float(np.ptp(cloud)), 1e-12)
    lit = pixels / 255 + strength * cloud[..., None]
    return _as_pixels(255 * lit * pixels.max() / 255 / (pixels.max() / 255 + strength) if pixels.max() else 255 * lit)


def blur(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Out of focus: a Gaussian of up to a thirtieth of the side."""
    sigma = min(pixels.shape[:2]) / 36 * SEVERITIES[severity - 1]
    return _as_pixels(gaussian_filter(pixels.astype(np.float64), (sigma, sigma, 0)))


CORRUPTIONS: Mapping[str, Callable[[Pixels, int, np.random.Generator], Pixels]] = {
    "snow": snow,
    "fog": fog,
    "blur": blur,
}


def under_weather(images: Images, folder: Path, kind: str, severity: int = 3, share: float = 0.5) -> Images:
    """Copies of a share of the test images, and their labels; the same for the same images, kind and severity.

    Args:
        images: whose test set is copied.
        folder: where to put the copies, by class, and the CSV of their labels; what is there is kept.
        kind: one of `CORRUPTIONS`.
        severity: 1 to 5.
        share: of the test images; a hash of the id decides which, so that all kinds have the same.
    """
    with images.test.open(newline="") as source:
        rows = sorted((row["sample_id"], row["label"]) for row in csv.DictReader(source))
    ids = np.array([name for name, _ in rows])
    kept = np.sort(np.argsort(keyed_order(ids, "weather"), kind="stable")[: round(share * len(rows))])
    found = replace(
        images, folder=folder / "images", test=folder / "test.csv", name=f"{images.name}, {kind} {severity}"
    )
    if found.test.is_file():
        return found
    for name in ids[kept]:
        generator = np.random.default_rng(seed_for(0, kind, severity, str(name)))
        with Image.open(images.folder / name) as image:
            copy = CORRUPTIONS[kind](np.asarray(image.convert("RGB")), severity, generator)
        path = (found.folder / name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        Image.fromarray(copy).save(buffer, "PNG")
        path.write_bytes(buffer.getvalue())
    with found.test.open("w", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(("sample_id", "label"))
        writer.writerows((str(Path(rows[number][0]).with_suffix(".png")), rows[number][1]) for number in kept)
    return found


def accuracy_on(root: str, images: Images) -> float:
    """The accuracy of a campaign's last model on the test set of some images; an unreadable one counts as wrong."""
    from labelcycle.pipelines.models.choice import choose_model
    from labelcycle.pipelines.models.classify_images import classify_images

    with images.test.open(newline="") as source:
        label_of = {row["sample_id"]: row["label"] for row in csv.DictReader(source)}
    chosen = choose_model(root, final=True)
    addresses = {name: str((images.folder / name).absolute()) for name in sorted(label_of)}
    right = 0
    for batch in classify_images(chosen, addresses, batch_size=64):
        for name, probabilities in zip(batch.images, batch.probabilities, strict=True):
            known = not np.isnan(probabilities).any()
            right += bool(known and chosen.campaign.classes[int(probabilities.argmax())] == label_of[name])
    return right / len(label_of)


def _as_pixels(values: np.ndarray) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
