"""A seeded share of the trials; `python -m tests.harness.rot` runs as many as one likes."""

from pathlib import Path

import pytest

from tests.harness.rot.trials import Scene, attempt, prepare
from tests.harness.rot.ways import WAYS


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return prepare(tmp_path_factory.mktemp("rot"))


@pytest.mark.parametrize("seed", range(24))
def test_damage_is_named_and_never_believed(scene: Scene, tmp_path: Path, seed: int) -> None:
    trial = attempt(scene, tmp_path / "campaign", seed)
    assert not trial.is_violation, trial


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_way_changes_the_content(way: str) -> None:
    import random

    assert WAYS[way](bytes(range(1, 200)), random.Random(0)) != bytes(range(1, 200))
