"""Synthetic pools: unit-length features of C blobs, a head that knows the blobs from few labels, and files of all that.

The noise around a blob has a decaying spectrum (variances in proportion to 1/1, 1/2, 1/3, …, in a random basis), as
features of a network have; its intrinsic dimension is about 26 for d = 384. A pool is a function of its setting.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import blocks_of
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.uncertainty import cross_entropy
from labelcycle.components.select import Candidates
from labelcycle.components.select.strategy import take_rows

Floats = npt.NDArray[np.float32]

BLOCK = 50_000
SPREAD = 1.6
"""Length of the noise around a blob's centre, where centres have length 1."""

SHARPNESS = 20.0
"""What differences of squared distance are multiplied with to be logits."""


@dataclass(frozen=True)
class Setting:
    """What a pool is made of.

    Attributes:
        rows: N, unlabelled samples.
        width: d.
        classes: C.
        labelled: L.
        budget: B.
        dtype: of the features.
        seed: of everything.
    """

    rows: int
    width: int
    classes: int
    labelled: int
    budget: int
    dtype: str = "float32"
    seed: int = 0

    @property
    def feature_bytes(self) -> int:
        """Size of the features."""
        return self.rows * self.width * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Pool:
    """A pool as the measured processes read it."""

    setting: Setting
    candidates: Candidates

    @property
    def features(self) -> Floats:
        """Features that are known to be there."""
        assert self.candidates.features is not None
        return self.candidates.features

    @property
    def probs(self) -> Floats:
        """Probabilities that are known to be there."""
        assert self.candidates.probs is not None
        return self.candidates.probs

    @property
    def labelled(self) -> Floats:
        """Labelled features that are known to be there."""
        assert self.candidates.labelled_features is not None
        return self.candidates.labelled_features

    @property
    def head(self) -> LinearHead:
        """The head that is known to be there."""
        assert self.candidates.head is not None
        return self.candidates.head

    def beginning(self, rows: int, budget: int) -> "Pool":
        """The first rows, with a smaller budget: to warm up on."""
        part = take_rows(self.candidates, np.arange(min(rows, self.setting.rows)))
        return Pool(replace(self.setting, rows=len(part.ids), budget=budget), part)


def write_pool(folder: Path, setting: Setting, scored: bool) -> Path:
    """Make a pool with losses of the head and write it to `folder`, block by block; `scored`: probabilities too."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(setting.seed)
    blobs = _Blobs(generator, setting)
    labelled, classes = blobs.draw(generator, setting.labelled)
    head = nearest_mean_head(labelled, classes, setting.classes)
    shape = (setting.rows, setting.width)
    features = np.lib.format.open_memmap(folder / "features.npy", "w+", np.dtype(setting.dtype), shape)
    losses = np.empty(setting.rows)
    for rows in blocks_of(setting.rows, BLOCK):
        features[rows], truth = blobs.draw(generator, len(losses[rows]))
        losses[rows] = cross_entropy(head.probabilities(features[rows]), truth)
    features.flush()
    np.save(folder / "losses.npy", losses)
    if scored:
        np.save(folder / "probs.npy", head.probabilities(features))
    np.save(folder / "labelled.npy", labelled.astype(setting.dtype))
    np.save(folder / "classes.npy", classes)
    (folder / "head.safetensors").write_bytes(head.to_bytes())
    (folder / "setting.json").write_text(json.dumps(asdict(setting)))
    return folder


def read_pool(folder: Path, on_disk: bool = False) -> Pool:
    """The pool in `folder`; `on_disk`: features stay there and are mapped."""
    setting = Setting(**json.loads((folder / "setting.json").read_text()))
    probs = folder / "probs.npy"
    candidates = Candidates(
        ids=np.array([f"{row:09d}" for row in range(setting.rows)], dtype=np.str_),
        features=np.load(folder / "features.npy", mmap_mode="r" if on_disk else None),
        probs=np.load(probs) if probs.exists() else None,
        losses=np.load(folder / "losses.npy"),
        labelled_features=np.load(folder / "labelled.npy"),
        labelled_classes=np.load(folder / "classes.npy"),
        head=LinearHead.from_bytes((folder / "head.safetensors").read_bytes()),
        cycle=1,
    )
    return Pool(setting, candidates)


class _Blobs:
    """Blobs whose centres are spread like the noise around them, so that classes overlap."""

    def __init__(self, generator: np.random.Generator, setting: Setting) -> None:
        variances = 1 / np.arange(1, setting.width + 1)
        basis = np.linalg.qr(generator.normal(size=(setting.width, setting.width)))[0]
        directions = basis * np.sqrt(variances / variances.sum())[:, None]
        self._centres = generator.normal(size=(setting.classes, setting.width)) @ directions
        self._noise = (SPREAD * directions).astype(np.float32)

    def draw(self, generator: np.random.Generator, count: int) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Features and classes of `count` samples."""
        classes = generator.integers(0, len(self._centres), count)
        noise = generator.standard_normal((count, len(self._noise)), dtype=np.float32) @ self._noise
        return _unit(self._centres[classes] + noise), classes


def nearest_mean_head(features: Floats, classes: npt.NDArray[np.int64], count: int) -> LinearHead:
    """A head whose logits are in proportion to -‖f - mean of class‖², up to what is the same for all classes."""
    overall = features.mean(axis=0)
    means = np.stack([features[classes == c].mean(axis=0) if (classes == c).any() else overall for c in range(count)])
    deviation = features.std(axis=0) + np.float32(1e-6)
    weight = 2 * SHARPNESS * means
    bias = weight @ overall - SHARPNESS * (means**2).sum(axis=1)
    width = features.shape[1]
    return LinearHead(
        running_mean=overall.astype(np.float32),
        running_var=(deviation**2).astype(np.float32),
        scale=np.ones(width, np.float32),
        shift=np.zeros(width, np.float32),
        weight=(weight * deviation).astype(np.float32),
        bias=bias.astype(np.float32),
    )


def _unit(vectors: npt.NDArray[np.floating]) -> Floats:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
