"""Further sets of features for DropQuery's tables: files of features, archives of images, and scikit-learn's digits."""

import csv
import json
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from labelcycle.components.core.digests import digest_of_file, digest_of_json
from tests.bench.labels.features import main as write_features
from tests.bench.methods.arms import run_jobs
from tests.bench.methods.images import unpack

DIGITS = "digits"
"""The set that needs no file: pixels, as they come with scikit-learn."""

PIXELS = 224
TESTED = 10
"""One image in so many is for testing where an archive is made into features."""


@dataclass(frozen=True)
class FeatureSet:
    """A set of features with labels.

    Attributes:
        name: what tables call it.
        file: npz of features, or tar file of images with one folder a class; None for the digits.
        weights: safetensors of the backbone that an archive's features are made by; None where none is needed.
        backbone: its timm name.
    """

    name: str
    file: Path | None
    weights: Path | None
    backbone: str

    @property
    def made_of(self) -> dict[str, Any]:
        """What decides the features."""
        if self.file is None:
            return {"features": DIGITS}
        if self.file.suffix != ".tar":
            return {"features": _digest(self.file)}
        assert self.weights is not None
        made_by = {"weights": _digest(self.weights), "backbone": self.backbone, "image_size": PIXELS}
        return {"archive": _digest(self.file), **made_by}

    def path(self, out: Path) -> Path:
        """The npz, made and kept in `out` where the set is none itself; a campaign's stages make an archive's."""
        if self.file is not None and self.file.suffix != ".tar":
            return self.file
        made = out / f"features-{self.name}-{digest_of_json(self.made_of)[:16]}.npz"
        if not made.is_file():
            out.mkdir(parents=True, exist_ok=True)
            part = made.with_name(f"part-{made.name}")
            if self.file is None:
                _write_digits(part)
            else:
                _write_features(self, self.file, made.with_suffix(""), part)
            part.rename(made)
        return made


def read_sets(given: list[str], weights: Path | None, backbone: str) -> list[FeatureSet]:
    """The sets of a command line: `name=file.npz`, `name=archive.tar` or `digits`.

    Raises:
        SystemExit: a file is not there, or an archive comes without weights.
    """
    found = []
    for text in given:
        name, _, file = text.partition("=")
        if not file and name != DIGITS:
            raise SystemExit(f"--sets {text}: write {text}=FILE, an npz of features or a tar of images, or {DIGITS}.")
        path = Path(file) if file else None
        if path is not None and not path.is_file():
            raise SystemExit(f"--sets {text}: there is no file {path}.")
        if path is not None and path.suffix == ".tar" and weights is None:
            raise SystemExit(f"--sets {text}: features of images are made with --weights; name them.")
        found.append(FeatureSet(name, path, weights, backbone))
    return found


@cache
def _digest(path: Path) -> str:
    return digest_of_file(path)


def _write_digits(path: Path) -> None:
    digits = load_digits()
    ids = np.array([f"digit-{number:04d}" for number in range(len(digits.target))])
    classes = np.array([str(name) for name in digits.target_names])
    np.savez(path, ids=ids, features=digits.data.astype(np.float16), labels=digits.target, classes=classes)


def _write_features(made: FeatureSet, archive: Path, folder: Path, path: Path) -> None:
    """Features of all images of an archive, made square: the first cycle of a campaign, whose queries nobody reads."""
    with tarfile.open(archive) as source:
        count = sum(member.isfile() for member in source)
    images = unpack(archive, folder, count - count // TESTED, count // TESTED, seed=0)
    labels = folder / "all.csv"
    with labels.open("w", newline="") as sink:
        writer = csv.writer(sink)
        for number, file in enumerate((images.labels, images.test)):
            with file.open(newline="") as part:
                writer.writerows(list(csv.reader(part))[min(number, 1) :])
    begin = {
        "images": str(images.folder),
        "labels_from": str(images.labels),
        "test": str(images.test),
        "backbone": made.backbone,
        "weights": str(made.weights),
        "image_size": PIXELS,
        "crop_share": 1.0,
        "crop_mode": "squash",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "budget": 1,
        "batch": 1,
    }
    root = folder / "campaign"
    run_jobs([[str(root), "--begin", json.dumps(begin), "--cycles", "1"]], cores=1)
    write_features([str(root), "--labels", str(labels), "--out", str(path)])
