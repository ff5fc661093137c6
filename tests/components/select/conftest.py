"""Pools of candidates."""

from collections.abc import Callable

import numpy as np
import pytest

from labelcycle.components.select import Candidates


@pytest.fixture(scope="session")
def make_pool() -> Callable[..., Candidates]:
    """A function: (size, classes, seed) → candidates with random features and probabilities."""

    def make(size: int, classes: int = 4, seed: int = 0) -> Candidates:
        generator = np.random.default_rng(seed)
        probabilities = generator.dirichlet(np.full(classes, 0.3), size).astype(np.float32)
        return Candidates(
            ids=np.array([f"image-{number}.jpg" for number in generator.permutation(size)], dtype=np.str_),
            features=generator.normal(size=(size, 3)).astype(np.float16),
            probs=probabilities,
        )

    return make
