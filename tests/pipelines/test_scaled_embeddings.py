"""A campaign on embeddings that float16 cannot hold learns, predicts and verifies as one on plain embeddings does."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from typer.testing import CliRunner

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.provenance import ImportedProvenance
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.cli.main import app

COUNT = 90


def labelcycle(*arguments: str) -> Any:
    answer = CliRunner().invoke(app, [*arguments])
    assert answer.exit_code == 0, answer.output
    return answer


@pytest.fixture
def plain() -> npt.NDArray[np.float32]:
    """Three classes that are easy to tell apart."""
    generator = np.random.default_rng(0)
    means = 4 * generator.normal(size=(3, 8))
    features: npt.NDArray[np.float32] = (means[np.arange(COUNT) % 3] + generator.normal(size=(COUNT, 8))).astype("f4")
    return features


def write(path: Path, features: npt.NDArray[np.floating]) -> str:
    rows = np.arange(COUNT)
    splits = np.where(rows % 5 == 0, "test", "pool")
    np.savez(
        path,
        ids=[f"s{row:02}" for row in rows],
        features=features,
        labels=np.array(list("abc"))[rows % 3],
        splits=splits,
    )
    return str(path)


def predicted(root: str, embeddings: str, output: Path) -> list[str]:
    labelcycle("predict", root, "--cycle", "1", "--embeddings", embeddings, "--output", str(output))
    with output.open(newline="") as file:
        return [row["predicted"] for row in csv.DictReader(file)]


@pytest.mark.parametrize(("factor", "offset"), [(1e-8, 0), (1, 5000)], ids=["tiny", "offset"])
def test_it_learns_and_predicts(plain: npt.NDArray[np.float32], factor: float, offset: float, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    embeddings = write(tmp_path / "e.npz", plain * np.float32(factor) + np.float32(offset))
    quick = ("--recipe", "linear_probe", "--budget", "30", "--batch", "30", "--set", "trainer.learning_rate=0.1")
    begun = labelcycle("init", root, "--embeddings", embeddings, *quick)
    assert begun.stderr.count("would lose more than 1% of the spread in 8 of 8 dimensions") == 1
    labelcycle("run", root)
    labelcycle("verify", root)
    right = [label == "abc"[row % 3] for row, label in enumerate(predicted(root, embeddings, tmp_path / "out.csv"))]
    assert np.mean(right) > 0.9
    store = open_store(root)
    space = FeatureSpace(store, read_state(store).campaign.base_space)
    provenance = space.provenance()
    assert isinstance(provenance, ImportedProvenance)
    scale = provenance.feature_scale
    assert scale is not None and np.abs(scale.centre - offset).max() < 10 * factor
    store.write(f"spaces/{space.name}/space.json", b"{}")
    with pytest.raises(CampaignError, match="is not what its folder is named by. Restore it"):
        space.provenance()


def test_plain_embeddings_are_kept_as_they_are(plain: npt.NDArray[np.float32], tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    embeddings = write(tmp_path / "e.npz", plain)
    begun = labelcycle("init", root, "--embeddings", embeddings, "--budget", "30", "--batch", "30")
    assert "float16" not in begun.stderr
    store = open_store(root)
    space = FeatureSpace(store, read_state(store).campaign.base_space)
    assert space.provenance().as_json().keys() == {"kind", "sha256"}
    assert np.array_equal(space.read()[1], plain.astype(np.float16))
