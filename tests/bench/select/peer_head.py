"""Our head in the clothes of a classifier of scikit-activeml."""

from typing import Any

import numpy as np
import numpy.typing as npt
from skactiveml.base import SkactivemlClassifier

from labelcycle.components.core.models.head import softmax
from tests.bench.select.data import Floats, Pool

PASSES, RATE = 20, 0.5
"""Of BALD's dropout."""


class Head(SkactivemlClassifier):
    """Probabilities of the whole pool are known beforehand; predictions elsewhere take one matrix product."""

    def __init__(self, pool: Pool | None = None) -> None:
        super().__init__(classes=None)
        self.pool = pool
        if pool is not None:
            self.classes_ = np.arange(pool.setting.classes)
            factor, offset = pool.head.normalisation()
            self.weight_ = (pool.head.weight * factor).T
            self.bias_ = pool.head.bias + pool.head.weight @ offset

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Head":
        """Nothing to do: the head is trained."""
        return self

    def predict_proba(self, X: Floats) -> Floats:
        """Those known beforehand; only the whole pool is ever asked for."""
        assert self.pool is not None and len(X) == len(self.pool.probs)
        return self.pool.probs.copy()

    def predict(self, X: Floats) -> npt.NDArray[np.int64]:
        """One matrix product."""
        return np.asarray((X @ self.weight_ + self.bias_).argmax(axis=1))

    def sample_proba(self, X: Floats) -> Floats:
        """Probabilities of passes with dropout on the features: (passes, N, C)."""
        generator = np.random.default_rng(0)
        result = np.empty((PASSES, len(X), len(self.classes_)), np.float32)
        for number in range(PASSES):
            kept = generator.random(X.shape, dtype=np.float32) >= RATE
            result[number] = softmax((X * kept / np.float32(1 - RATE)) @ self.weight_ + self.bias_)
        return result
