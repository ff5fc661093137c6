"""Images and weights to train on: real ones where they are named, made-up ones elsewhere."""

import csv
import tarfile
from pathlib import Path

from rich.console import Console

from tests.bench.cycle import random_weights, write_images

CONSOLE = Console(stderr=True)


def prepare(folder: Path, archive: Path | None, count: int) -> None:
    """`images/`, `labels.csv` and `test.csv` in `folder`: `count` images to train on, and a few to test.

    Args:
        folder: made here.
        archive: a tar of `…/<class>/<name>.jpg`; None for made-up JPEGs of 64×64 pixels.
        count: images to train on, as equal a number of each class as there can be.
    """
    if archive is None:
        CONSOLE.print("No archive of images was given (--images or LABELCYCLE_IMAGES): made-up ones are used.")
        write_images(folder, count * 10 // 9 + 1, 64)
        return
    folder.mkdir(parents=True)
    classes: dict[str, list[tuple[str, bytes]]] = {}
    each = count // 10 + 3
    with tarfile.open(archive) as source:
        for member in source:
            if not member.isfile() or not member.name.endswith(".jpg"):
                continue
            *_, label, name = member.name.split("/")
            found = classes.setdefault(label, [])
            if len(found) < each:
                content = source.extractfile(member)
                assert content is not None
                found.append((f"{label}/{name}", content.read()))
    rows = [(name, label, data) for label, found in sorted(classes.items()) for name, data in found]
    rows = sorted(rows, key=lambda row: (classes[row[1]].index((row[0], row[2])), row[1]))
    for name, _, data in rows:
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for file, part in (("labels.csv", rows[:count]), ("test.csv", rows[count:])):
        with (folder / file).open("w", newline="") as sink:
            writer = csv.writer(sink)
            writer.writerow(("sample_id", "label"))
            writer.writerows((name, label) for name, label, _ in part)


def weights_of(backbone: str, file: Path | None, folder: Path) -> Path:
    """The file that is given, or one of random weights: training takes the same time with any."""
    if file is not None:
        return file
    CONSOLE.print("No weights were given (--weights or LABELCYCLE_WEIGHTS): random ones are used.")
    return random_weights(backbone, folder / f"{backbone}.safetensors")
