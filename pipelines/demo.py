"""The demo: a whole campaign on handwritten digits, `peal_entropy` next to a `random` arm, on this machine alone.

The 1,797 digits ship inside scikit-learn. They are written out as PNG files with a label file that plays the annotator,
so that the demo does what a user does: `labelcycle init`, `labelcycle run`, and a look at the results.
"""

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

CYCLES, BATCH, EPOCHS, TEST_SHARE = 6, 20, 40, 0.3
ARMS = {"peal": "peal_entropy", "random": "random"}


def write_digits(folder: Path) -> None:
    """Write `images/*.png` (8×8 greyscale), `labels.csv` for the pool and `test.csv`, unless they are there."""
    if (folder / "test.csv").is_file():
        return
    digits = load_digits()
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        name = f"digit-{number:04d}.png"
        Image.fromarray((pixels * 255 / 16).round().astype(np.uint8)).save(folder / "images" / name)
        rows.append((name, str(digit)))
    order = np.random.default_rng(0).permutation(len(rows))
    test = set(order[: int(TEST_SHARE * len(rows))].tolist())
    for file, chosen in (("labels.csv", set(range(len(rows))) - test), ("test.csv", test)):
        with (folder / file).open("w", newline="") as sink:
            writer = csv.writer(sink)
            writer.writerow(("sample_id", "label"))
            writer.writerows(rows[number] for number in sorted(chosen))
