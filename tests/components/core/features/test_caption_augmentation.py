"""Features moved towards those of captions between loops."""

import numpy as np
import pytest
from safetensors.numpy import load

from labelcycle.components.core.features.embedding_augmentation import augment_pool, text_map_bytes


@pytest.fixture
def arrays() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(20, 4)).astype(np.float16), generator.normal(size=(20, 4)).astype(np.float16)


def test_only_the_selected_move(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    features, texts = arrays
    before = features.copy()
    selected = np.array([3, 7])
    moved = augment_pool(features, texts, selected, "selected", 0.5).features
    changed = np.flatnonzero((moved != features).any(axis=1))
    assert changed.tolist() == [3, 7]
    assert moved.dtype == features.dtype and (features == before).all()
    nearer = np.linalg.norm(moved - texts, axis=1) < np.linalg.norm(features - texts, axis=1)
    assert nearer[selected].all()


def test_the_pool_moves_as_a_whole(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    features, texts = arrays
    moved = augment_pool(features, texts, np.array([3]), "pool", 0.5).features
    assert (moved != features).any(axis=1).all()


def test_texts_of_another_width_are_mapped(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    features, texts = arrays
    assert augment_pool(features, texts, np.array([1]), "selected", 0.5).text_map is None
    found = augment_pool(features, texts[:, :3], np.array([1]), "selected", 0.5)
    assert found.text_map is not None
    stored = load(text_map_bytes(found.text_map))
    assert stored["weight"].shape == (3, 4) and stored["offset"].shape == (4,)
