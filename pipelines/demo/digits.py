"""The handwritten digits that ship inside scikit-learn, written out as a user's own data would be.

1,797 digits of 8 × 8 grey values: as PNG files with a label file that plays the annotator, and their 64 pixels as
embeddings.
"""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_digits

TEST_SHARE = 0.3
WHITE = 16
"""The largest grey value of the data set."""


def write_digits(folder: Path) -> None:
    """Write `images/*.png`, `labels.csv` of the pool, `test.csv` and `pixels.npz`, unless they are there.

    Args:
        folder: where to; made if it is missing. `pixels.npz` is written last, so that a write cut short is done again.
    """
    pixels = folder / "pixels.npz"
    if pixels.is_file():
        return
    digits = load_digits()
    (folder / "images").mkdir(parents=True, exist_ok=True)
    names = [f"digit-{number:04d}.png" for number in range(len(digits.images))]
    for name, image in zip(names, digits.images, strict=True):
        Image.fromarray((image * 255 / WHITE).round().astype(np.uint8)).save(folder / "images" / name)
    labels = digits.target.astype(str)
    test = _test_set(len(names))
    for file, chosen in (("labels.csv", ~test), ("test.csv", test)):
        with (folder / file).open("w", newline="") as sink:
            writer = csv.writer(sink)
            writer.writerow(("sample_id", "label"))
            writer.writerows((names[row], labels[row]) for row in np.flatnonzero(chosen))
    unfinished = folder / "unfinished.npz"
    np.savez(
        unfinished,
        ids=np.array(names),
        features=digits.data.astype(np.float32),
        labels=labels,
        splits=np.where(test, "test", "pool"),
    )
    unfinished.replace(pixels)


def _test_set(count: int) -> npt.NDArray[np.bool_]:
    """Which samples measure the models: (count,)."""
    order = np.random.default_rng(0).permutation(count)
    test = np.zeros(count, dtype=np.bool_)
    test[order[: int(TEST_SHARE * count)]] = True
    return test
