"""A part of EuroSAT as a folder of images with label files, the same for the same sizes and seed."""

import csv
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Images:
    """Where the images are, and the classes of the pool and of the test set.

    Attributes:
        folder: images by class.
        labels: CSV of the pool's classes; it plays the annotator.
        test: CSV of the test set's classes.
        name: what the tables call the data.
    """

    folder: Path
    labels: Path
    test: Path
    name: str


def unpack(archive: Path, folder: Path, pool: int, test: int, seed: int) -> Images:
    """A random part of the archive's images, unless it was unpacked before.

    Args:
        archive: a tar file of images, one folder a class.
        folder: where to unpack to.
        pool: images to choose from.
        test: images to measure with, drawn apart from the pool.
        seed: decides which.
    """
    found = Images(folder / "images", folder / "labels.csv", folder / "test.csv", f"{archive.stem}, {pool} + {test}")
    if found.test.is_file():
        return found
    with tarfile.open(archive) as source:
        members = sorted((member for member in source if member.isfile()), key=lambda member: member.name)
        if len(members) < pool + test:
            raise SystemExit(f"{archive} holds {len(members)} images, fewer than the {pool + test} asked for.")
        chosen = np.random.default_rng(seed).permutation(len(members))[: pool + test]
        rows = []
        for number in chosen:
            path = Path(members[number].name)
            (found.folder / path.parent.name).mkdir(parents=True, exist_ok=True)
            content = source.extractfile(members[number])
            assert content is not None
            (found.folder / path.parent.name / path.name).write_bytes(content.read())
            rows.append((f"{path.parent.name}/{path.name}", path.parent.name))
    for file, part in ((found.labels, rows[:pool]), (found.test, rows[pool:])):
        with file.open("w", newline="") as sink:
            writer = csv.writer(sink)
            writer.writerow(("sample_id", "label"))
            writer.writerows(sorted(part))
    return found
