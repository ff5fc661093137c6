"""What the campaigns begin with: digits as images, vectors in overlapping classes, and a text encoder, in any order.

Everything is the same in both orders but for the order of rows in files, and of files in folders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.harness.chaos.data import Data, make_text_encoder

CLASSES = tuple(f"class {number}" for number in range(10))
TESTED_EVERY = 6


@dataclass(frozen=True)
class Sizes:
    """How much of it there is.

    The whole run has more images than a chunk (1024), and more vectors than two chunks and a block (2048) of the pool.
    """

    images: int = 1150
    vectors: int = 2600
    width: int = 96


SMALL = Sizes(images=120, vectors=2600, width=32)

QUICK = Sizes(images=60, vectors=1300, width=24)
"""Vectors for two chunks of the pool, and few images."""


def make_data(folder: Path, sizes: Sizes, shuffled: bool = False, texts: bool = True) -> Data:
    """Write everything.

    Args:
        folder: to write below.
        sizes: how much.
        shuffled: whether rows and files come in another order.
        texts: whether to write the text encoder too, which takes seconds.
    """
    data = Data(folder)
    folder.mkdir(parents=True)
    generator = np.random.default_rng(7) if shuffled else None
    _make_images(data, sizes.images, generator)
    _make_vectors(data, sizes, generator)
    if texts:
        make_text_encoder(data)
    return data


def _make_images(data: Data, count: int, generator: np.random.Generator | None) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    names = [f"{'ab'[row % 2]}/digit-{row:04d}.png" for row in range(count)]
    labels = [CLASSES[digits.target[row]] for row in range(count)]
    for row in _order(count, generator):
        pixels = np.kron(digits.images[row] * 15.9, np.ones((4, 4))).astype(np.uint8)
        path = data.images / names[row]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).convert("RGB").save(path)
    _write_labels(data.labels, [(names[row], labels[row]) for row in _order(count, generator)])
    tested = [row for row in _order(count, generator) if row % TESTED_EVERY == 0]
    _write_labels(data.test, [(names[row], labels[row]) for row in tested])


def _write_labels(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    path.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in rows))


def _make_vectors(data: Data, sizes: Sizes, generator: np.random.Generator | None) -> None:
    drawn = np.random.default_rng(3)
    truth = np.arange(sizes.vectors) % len(CLASSES)
    centres = drawn.normal(size=(len(CLASSES), sizes.width)) * 0.4
    features = (centres[truth] + drawn.normal(size=(sizes.vectors, sizes.width))).astype(np.float32)
    ids = np.array([f"vector-{row:05d}" for row in range(sizes.vectors)])
    splits = np.where(np.arange(sizes.vectors) % TESTED_EVERY == 0, "test", "pool")
    order = _order(sizes.vectors, generator)
    np.savez(
        data.embeddings,
        ids=ids[order],
        features=features[order],
        labels=np.array(CLASSES)[truth][order],
        splits=splits[order],
    )


def _order(count: int, generator: np.random.Generator | None) -> list[int]:
    return list(range(count)) if generator is None else [int(row) for row in generator.permutation(count)]
