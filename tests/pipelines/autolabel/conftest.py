"""A campaign whose model is sure of most of its pool, and people who answer about audits."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.conftest import Bench
from tests.pipelines.models.conftest import crown

CLASSES = ("blue", "green", "red")
SAMPLES = 600
FAR_OUT = 60
"""Samples that lie between the classes; of the test set a tenth of them."""


@pytest.fixture(scope="session")
def truth() -> dict[str, str]:
    """The class of each sample of the pool."""
    return {f"{CLASSES[row % 3]}-{row:03d}": CLASSES[row % 3] for row in range(SAMPLES)}


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory, truth: dict[str, str]) -> Path:
    """Embeddings of the pool and of a test set, which alone has labels; the last ones lie between the classes."""
    generator = np.random.default_rng(3)
    tested = {f"test-{row:02d}": CLASSES[row % 3] for row in range(60)}
    labels = {**truth, **tested}
    centres = np.array([np.eye(3, 8)[CLASSES.index(label)] for label in labels.values()]) * 6
    centres[SAMPLES - FAR_OUT : SAMPLES] /= 6
    centres[-FAR_OUT // 10 :] /= 6
    path = tmp_path_factory.mktemp("vectors") / "vectors.npz"
    np.savez(
        path,
        ids=np.array(list(labels)),
        features=(centres + generator.normal(size=(len(labels), 8))).astype(np.float32),
        labels=np.array([""] * SAMPLES + list(tested.values())),
        splits=np.array(["pool"] * SAMPLES + ["test"] * len(tested)),
    )
    return path


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory, vectors: Path, truth: dict[str, str]) -> Bench:
    """A campaign with a champion, whose people answer in CSVs."""
    folder = tmp_path_factory.mktemp("trained")
    every_label = folder / "every-label.csv"
    every_label.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in truth.items()))
    settings = CampaignSettings(embeddings=str(vectors), recipe="logistic", budget=30, batch=30)
    begin_campaign(str(folder / "campaign"), settings)
    begun = Bench(str(folder / "campaign"))
    for _ in range(2):
        begun.run_cycle(str(every_label))
    crown(begun.root)
    return begun


@pytest.fixture
def campaign(trained_once: Bench, tmp_path: Path) -> Bench:
    """The same, as a copy that a test may change."""
    copy = Bench(str(shutil.copytree(trained_once.root, tmp_path / "campaign")))
    copy.cycle, copy.attempt = trained_once.cycle, trained_once.attempt
    return copy


@pytest.fixture
def answer(truth: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """A function: the CSV of an audit, samples that people find wrong, those that they skip → a label file."""

    def answered(asked: str | Path, wrong: set[str] = frozenset(), skipped: set[str] = frozenset()) -> str:  # type: ignore[assignment]
        with Path(asked).open(newline="") as file:
            names = [row["sample_id"] for row in csv.DictReader(file)]
        lines = ["sample_id,label,status"]
        for name in names:
            other = next(one for one in CLASSES if one != truth[name])
            lines.append(
                f"{name},," + "skip" if name in skipped else f"{name},{other if name in wrong else truth[name]},"
            )
        path = tmp_path / "answers.csv"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return answered
