"""Pools of candidates."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from labelcycle.components.core.models.head import LinearHead
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


def head_for(width: int, classes: int, seed: int = 0) -> LinearHead:
    generator = np.random.default_rng(seed)
    return LinearHead(
        running_mean=generator.normal(size=width).astype(np.float32) / 4,
        running_var=generator.uniform(0.5, 2, width).astype(np.float32),
        scale=generator.uniform(0.5, 2, width).astype(np.float32),
        shift=generator.normal(size=width).astype(np.float32) / 4,
        weight=generator.normal(size=(classes, width)).astype(np.float32),
        bias=generator.normal(size=classes).astype(np.float32),
    )


@pytest.fixture(scope="session")
def complete_pool(make_pool: Callable[..., Candidates]) -> Callable[..., Candidates]:
    """A function: (size, classes, seed, labelled, width) → candidates with every field that any strategy needs."""

    def make(size: int, classes: int = 4, seed: int = 0, labelled: int = 12, width: int = 3) -> Candidates:
        generator = np.random.default_rng([seed, 1])
        pool = make_pool(size, classes, seed)
        return replace(
            pool,
            labelled_ids=np.array([f"labelled-{number}" for number in range(labelled)]),
            features=generator.normal(size=(size, width)).astype(np.float16),
            labelled_features=generator.normal(size=(labelled, width)).astype(np.float16),
            labelled_classes=generator.integers(0, classes, labelled),
            head=head_for(width, classes, seed),
            losses=generator.exponential(size=size),
        )

    return make
