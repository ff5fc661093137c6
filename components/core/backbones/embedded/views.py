"""Views of unlabelled images, for the distillation: plain, augmented, and drawn strokes, 64x64 pixels each."""

import io
import math
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from torch import Tensor
from tqdm import tqdm

STUDENT_PIXELS = 64
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def read_images(archive: Path) -> list[Image.Image]:
    """Decode every image of a tar archive, in the order of their names, as RGB."""
    with tarfile.open(archive) as opened:
        members = [member for member in opened if member.isfile() and member.name.lower().endswith(IMAGE_SUFFIXES)]
        images = []
        for member in sorted(members, key=lambda member: member.name):
            stream = opened.extractfile(member)
            if stream is not None:
                images.append(Image.open(io.BytesIO(stream.read())).convert("RGB"))
    if not images:
        raise SystemExit(f"{archive} holds no images ({', '.join(IMAGE_SUFFIXES)})")
    return images


def plain_view(image: Image.Image) -> Image.Image:
    """Cut the middle square out and resize it to the student's size."""
    return ImageOps.fit(image, (STUDENT_PIXELS, STUDENT_PIXELS), Image.Resampling.BICUBIC)


def random_crop(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Cut a square of 25 % to 100 % of the short side out at random, resize, mirror and turn it."""
    side = round(min(image.size) * generator.uniform(0.25, 1.0))
    left = int(generator.integers(image.width - side + 1))
    top = int(generator.integers(image.height - side + 1))
    box = (left, top, left + side, top + side)
    view = image.resize((STUDENT_PIXELS, STUDENT_PIXELS), Image.Resampling.BICUBIC, box=box)
    if generator.random() < 0.5:
        view = ImageOps.mirror(view)
    return view.rotate(90 * int(generator.integers(4)))


def random_tone(view: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Vary brightness, contrast and colour; at times go to grey, to black and white, or to the negative."""
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        if generator.random() < 0.5:
            view = enhancer(view).enhance(generator.uniform(0.6, 1.5))
    if generator.random() < 0.3:
        view = ImageOps.grayscale(view)
        if generator.random() < 0.4:
            level = float(np.quantile(np.asarray(view), generator.uniform(0.2, 0.9)))
            view = view.point([255 * (value > level) for value in range(256)])
    if generator.random() < 0.15:
        view = ImageOps.invert(view)
    return view.convert("RGB")


def lower_resolution(view: Image.Image, pixels: int) -> Image.Image:
    """Shrink the view to `pixels` a side and enlarge it again."""
    small = view.resize((pixels, pixels), Image.Resampling.BOX)
    return small.resize(view.size, Image.Resampling.BICUBIC)


def augmented_view(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Draw a random crop with random tone and, for one in four, a low resolution."""
    view = random_tone(random_crop(image, generator), generator)
    if generator.random() < 0.25:
        view = lower_resolution(view, int(generator.integers(8, 33)))
    return view


def stroke_view(generator: np.random.Generator) -> Image.Image:
    """Draw one to four random lines and arcs, light on dark or dark on light, mostly at low resolution."""
    view = Image.new("L", (STUDENT_PIXELS, STUDENT_PIXELS), int(generator.integers(40)))
    pen = ImageDraw.Draw(view)
    for _ in range(generator.integers(1, 5)):
        ink, width = int(generator.integers(150, 256)), int(generator.integers(5, 12))
        (left, right), (top, bottom) = np.sort(generator.integers(4, STUDENT_PIXELS - 4, size=(2, 2))).tolist()
        if generator.random() < 0.5:
            points = generator.integers(6, STUDENT_PIXELS - 6, size=(int(generator.integers(2, 5)), 2))
            pen.line([(x, y) for x, y in points.tolist()], fill=ink, width=width, joint="curve")
        else:
            start = generator.uniform(0, 360)
            pen.arc((left, top, right, bottom), start, start + generator.uniform(90, 360), fill=ink, width=width)
    if generator.random() < 0.5:
        view = ImageOps.invert(view)
    if generator.random() < 0.8:
        view = lower_resolution(view, int(generator.integers(8, 17)))
    return view.convert("RGB")


def archive_views(archive: Path, count: int, generator: np.random.Generator) -> Iterator[Image.Image]:
    """Give each image once plainly and then as often augmented as it takes to reach about `count` views."""
    images = read_images(archive)
    for image in tqdm(images, desc=f"views of {archive.name}"):
        yield plain_view(image)
        for _ in range(math.ceil(count / len(images)) - 1):
            yield augmented_view(image, generator)


def collect_views(archives: Sequence[Path], per_archive: int, strokes: int, seed: int) -> Tensor:
    """Draw the bank of views.

    Args:
        archives: Tar archives of images.
        per_archive: Views from each archive, at least one an image.
        strokes: Drawn views of lines and arcs.
        seed: Seed of every random choice.

    Returns:
        The views, uint8 (N, 3, 64, 64).
    """
    generator = np.random.default_rng(seed)
    pixels = [np.asarray(view) for archive in archives for view in archive_views(archive, per_archive, generator)]
    pixels += [np.asarray(stroke_view(generator)) for _ in range(strokes)]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()
