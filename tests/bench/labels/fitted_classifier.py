"""A trained head in the clothes of a classifier of scikit-activeml."""

from typing import Any

import numpy as np
import numpy.typing as npt
from skactiveml.base import SkactivemlClassifier

from labelcycle.components.core.models.head import softmax
from labelcycle.components.core.models.heads import Head

Floats = npt.NDArray[np.floating]


class FittedClassifier(SkactivemlClassifier):
    """The head's last layer, on features that are normalised already."""

    def __init__(self, head: Head | None = None) -> None:
        super().__init__(classes=None)
        self.head = head
        if head is not None:
            self.classes_ = np.arange(len(head.bias))

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "FittedClassifier":
        """Nothing to do: the head is trained."""
        return self

    def predict_proba(self, X: Floats) -> Floats:
        """Softmax of the logits: (N, d) → (N, C)."""
        return softmax(self._logits(X))

    def predict(self, X: Floats) -> npt.NDArray[np.int64]:
        """The likeliest class: (N, d) → (N,)."""
        return np.asarray(self._logits(X).argmax(axis=1))

    def _logits(self, X: Floats) -> npt.NDArray[np.float32]:
        assert self.head is not None
        return X.astype(np.float32, copy=False) @ self.head.last.weight.T + self.head.last.bias
