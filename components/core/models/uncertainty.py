"""Uncertainties of a predicted class distribution, shared by scoring and by the strategies that rank by them."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def confidence(probabilities: Floats) -> Floats:
    """Probability of the predicted class: (N, C) → (N,)."""
    by_class = np.ascontiguousarray(probabilities.T)
    largest: Floats = by_class.max(axis=0)
    return largest


def margin(probabilities: Floats) -> Floats:
    """Difference between the two largest probabilities: (N, C) → (N,); of a single class its probability. O(N·C)."""
    largest, second = probabilities[:, 0].copy(), np.zeros_like(probabilities[:, 0])
    for column in probabilities.T[1:]:
        np.maximum(second, np.minimum(largest, column), out=second)
        np.maximum(largest, column, out=largest)
    result: Floats = largest - second
    return result


def entropy(probabilities: Floats) -> Floats:
    """Shannon entropy in nats: (N, C) → (N,); 0·log 0 counts as 0.

    Source: PEAL, section 3.3.1.
    """
    logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    result: Floats = np.maximum(0, 0 - np.einsum("nc,nc->n", probabilities, logarithms))
    return result


def cross_entropy(probabilities: Floats, classes: npt.NDArray[np.integer]) -> Floats:
    """Loss -log p of each sample's class in nats: (N, C) and class indices (N,) → (N,).

    A probability of 0 counts as the smallest of its type, so that the loss is finite.
    """
    of_class = probabilities[np.arange(len(probabilities)), classes]
    result: Floats = np.maximum(0, 0 - np.log(np.maximum(of_class, np.finfo(probabilities.dtype).tiny)))
    return result
