"""Features that a user gives a model, checked and kept as those were that it was trained on."""

from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.half_precision import FeatureScale
from labelcycle.components.core.models.heads import Head, input_width
from labelcycle.pipelines.api.array_input import numbers_of


def probabilities_of(features: npt.ArrayLike, head: Head, scale: FeatureScale | None) -> npt.NDArray[np.float32]:
    """The probability of each class: (M, d) of any number type → float32 (M, C).

    Args:
        features: of the network that the model's features are of.
        head: the model.
        scale: what its features were centred and scaled by; None for not at all.

    Raises:
        InputError: no such array, another width, NaN, infinite values, or what float16 cannot hold.
    """
    values = numbers_of("features", features)
    width = input_width(head)
    if values.ndim != 2:
        raise InputError(f"Features are numbers of shape (samples, {width}); got {_shape(values)}.")
    if values.shape[1] != width:
        raise InputError(
            f"The features have {values.shape[1]} numbers a sample, and the model takes {width}. Give features of the "
            "network that it was trained on."
        )
    with np.errstate(over="ignore"):
        kept = values.astype(np.float16) if scale is None else scale.apply(values)
    if not np.isfinite(kept).all():
        row = int(np.flatnonzero(~np.isfinite(kept).all(axis=1))[0])
        raise InputError(f"The features of row {row} are NaN, infinite, or far from all others. Correct them.")
    return head.probabilities(kept)


def _shape(values: npt.NDArray[Any]) -> str:
    return f"{values.dtype} of shape {values.shape}"
