"""What candidates must be before any strategy sees them.

Checks of the numbers that strategies take as parameters, with messages that name the parameter and its range.
"""

from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.select.strategy import PER_CANDIDATE, Candidates

ROUNDING = 0.01
"""How far the sum of a row of probabilities may be from 1, as float16 rows of a thousand classes are."""

MATRICES = ("features", "probs", "texts")

LARGEST = 1e15
"""Squares of larger numbers, added up over a row, come near the end of float32."""


def check_candidates(pool: Candidates, fields: AbstractSet[str]) -> None:
    """Check shapes, and the values of the fields that will be read.

    Args:
        pool: the candidates.
        fields: names of optional fields whose values are checked.

    Raises:
        InputError: arrays of the wrong shape, NaN or infinite values, probs that are not probabilities, negative
            losses, labelled arrays that do not belong together, classes or widths that do not fit.

    Cost: one pass over every array that will be read.
    """
    for name in PER_CANDIDATE:
        values = getattr(pool, name)
        if values is not None:
            _check_shape(name, values, len(pool), "candidates", dimensions=2 if name in MATRICES else 1)
            if name in fields and name != "probs":
                _check_finite(name, values, pool.ids, "candidates")
    if pool.probs is not None and "probs" in fields:
        _check_probs(pool.probs, pool.ids)
    if pool.losses is not None and "losses" in fields and (pool.losses < 0).any():
        raise InputError(f"The candidates' losses are negative, first for {str(pool.ids[pool.losses < 0][0])!r}.")
    _check_labelled(pool, fields)
    _check_head(pool)


def _check_shape(name: str, values: npt.NDArray[np.generic], size: int, whose: str, dimensions: int) -> None:
    if len(values) != size:
        raise InputError(f"The {whose} have {size} ids but {len(values)} rows of {name}.")
    if values.ndim != dimensions:
        wanted = "rows and columns" if dimensions == 2 else "one value for each id"
        raise InputError(f"The {whose}' {name} have {values.ndim} dimensions; they must have {wanted}.")


def _check_finite(name: str, values: npt.NDArray[np.generic], ids: npt.NDArray[np.str_], whose: str) -> None:
    if not np.issubdtype(values.dtype, np.floating):
        return
    if all(for_each_block(len(values), lambda rows: _moderate(values[rows]))):
        return
    bad = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} {whose} have NaN or infinite {name}, first {str(ids[bad][0])!r}. Correct or remove them."
        )
    bad = (np.abs(values) > LARGEST).reshape(len(values), -1).any(axis=1)
    raise InputError(
        f"{int(bad.sum())} {whose} have {name} beyond {LARGEST:g}, first {str(ids[bad][0])!r}. Scale them down."
    )


def _moderate(block: npt.NDArray[np.generic]) -> bool:
    """Whether all numbers are finite and at most `LARGEST` in size; half precision holds no larger ones."""
    if block.dtype == np.float16 or not block.size:
        return bool(np.isfinite(block).all())
    return bool(block.max() <= LARGEST and block.min() >= -LARGEST)


def _check_probs(probs: npt.NDArray[np.floating], ids: npt.NDArray[np.str_]) -> None:
    """Numbers that are not negative and add up to 1 are finite too, so that one look at them is enough."""
    ones = np.ones(probs.shape[1], np.float32)

    def fine(rows: slice) -> bool:
        block = probs[rows].astype(np.float32, copy=False)
        return bool(block.min(initial=0) >= 0 and (np.abs(block @ ones - 1) <= ROUNDING).all())

    if all(for_each_block(len(probs), fine)):
        return
    _check_finite("probs", probs, ids, "candidates")
    bad = (probs < 0).any(axis=1) | (np.abs(probs.astype(np.float32) @ ones - 1) > ROUNDING)
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} candidates have probs that are negative or do not sum to 1, first "
            f"{str(ids[bad][0])!r}. Give probabilities, not logits."
        )


def _check_labelled(pool: Candidates, fields: AbstractSet[str]) -> None:
    known = pool.labelled_ids
    if known is None:
        present = [name for name in ("labelled_features", "labelled_classes") if getattr(pool, name) is not None]
        sizes = {len(getattr(pool, name)) for name in present}
        if len(sizes) > 1:
            raise InputError(f"{' and '.join(present)} have different lengths: {sorted(sizes)}.")
        known = np.array([f"labelled sample {row}" for row in range(max(sizes, default=0))], dtype=np.str_)
    if pool.labelled_features is not None:
        _check_shape("labelled_features", pool.labelled_features, len(known), "labelled samples", 2)
        if "labelled_features" in fields:
            _check_finite("labelled_features", pool.labelled_features, known, "labelled samples")
        if pool.features is not None and pool.labelled_features.shape[1] != pool.features.shape[1]:
            raise InputError(
                f"Labelled features have {pool.labelled_features.shape[1]} columns, features {pool.features.shape[1]}. "
                "They must come from the same feature space."
            )
    if pool.labelled_classes is not None:
        _check_shape("labelled_classes", pool.labelled_classes, len(known), "labelled samples", 1)
        _check_classes(pool, pool.labelled_classes)


def _check_classes(pool: Candidates, classes: npt.NDArray[np.integer]) -> None:
    if not np.issubdtype(classes.dtype, np.integer):
        raise InputError(f"labelled_classes are {classes.dtype}; they must be integer class indices.")
    declared = None if pool.probs is None else pool.probs.shape[1]
    if pool.head is not None:
        declared = len(pool.head.bias)
    if len(classes) and (classes.min() < 0 or (declared is not None and classes.max() >= declared)):
        raise InputError(
            f"labelled_classes hold {int(classes.min())} to {int(classes.max())}; there are {declared} classes."
        )


def _check_head(pool: Candidates) -> None:
    if pool.head is None:
        return
    classes, width = pool.head.weight.shape
    if pool.features is not None and pool.features.shape[1] != width:
        raise InputError(f"The head takes {width} features, the candidates have {pool.features.shape[1]}.")
    if pool.probs is not None and pool.probs.shape[1] != classes:
        raise InputError(f"The head has {classes} classes, the candidates' probs {pool.probs.shape[1]}.")


def require_at_least(name: str, value: float, smallest: float) -> None:
    """Check a number against the smallest that makes sense.

    Raises:
        ConfigurationError: the value is smaller, infinite or no number.
    """
    if not smallest <= value < float("inf"):
        raise ConfigurationError(f"{name} must be a number of at least {smallest}; got {value}.")


def require_above(name: str, value: float, bound: float) -> None:
    """Check that a number lies above a bound.

    Raises:
        ConfigurationError: the value does not, or it is infinite or no number.
    """
    if not bound < value < float("inf"):
        raise ConfigurationError(f"{name} must be a number above {bound}; got {value}.")


def require_at_most(name: str, value: float, largest: float) -> None:
    """Check a number against the largest that makes sense.

    Raises:
        ConfigurationError: the value is larger or no number.
    """
    if not value <= largest:
        raise ConfigurationError(f"{name} must be a number of at most {largest}; got {value}.")
