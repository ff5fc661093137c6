"""Features that half precision cannot hold, and those that it can."""

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.core.features.half_precision import scale_for_half_precision
from labelcycle.components.core.features.provenance import imported_provenance

GENERATOR = np.random.default_rng(0)
PLAIN = GENERATOR.normal(size=(3000, 20)).astype(np.float32)


@pytest.mark.parametrize(
    "features",
    [PLAIN * np.float32(1e-8), PLAIN + np.float32(5000), PLAIN.astype(np.float64) * 1e-30, 1000 * PLAIN - 6e4],
    ids=["tiny", "offset", "tinier", "large offset"],
)
def test_what_would_become_one_row_stays_apart(features: npt.NDArray[np.floating]) -> None:
    features = features[:, :18] if features.dtype == np.float64 else features
    scale, lost = scale_for_half_precision(features)
    if np.abs(features).max() > 6e4:
        assert scale is None, "a spread of 1000 on an offset of 60000 loses less than a hundredth"
        return
    assert scale is not None and lost.startswith("more than 1% of the spread in")
    kept = scale.apply(features)
    assert kept.dtype == np.float16 and len(np.unique(kept, axis=0)) == len(features)
    assert np.abs(kept.mean(axis=0)).max() < 1 and 0.6 < kept.std(axis=0).min() <= kept.std(axis=0).max() < 1.5
    back = kept.astype(np.float64) * scale.scale + scale.centre
    assert np.abs(back - features).max() < 2e-3 * features.std()


@pytest.mark.parametrize(
    "features",
    [
        PLAIN,
        PLAIN * np.float32(1e-3),
        PLAIN + np.float32(20),
        np.maximum(PLAIN, 0),
        PLAIN.astype(np.float16) * np.float16(1e-6),
        np.full((4, 3), 0.1),
        np.concatenate([PLAIN, np.full((len(PLAIN), 9), 0.1, np.float32)], axis=1),
        PLAIN * np.array([1e-9] + [1] * 19, np.float32),
        np.ones((1, 4)),
    ],
    ids=["plain", "small", "moderate offset", "relu", "halves", "constant", "some constant", "one lost", "one row"],
)
def test_ordinary_features_need_no_scale(features: npt.NDArray[np.floating]) -> None:
    assert scale_for_half_precision(features) == (None, "")


def test_constant_dimensions_are_centred_alone() -> None:
    features = np.concatenate([PLAIN + np.float32(5000), np.full((len(PLAIN), 2), 5000.25, np.float32)], axis=1)
    scale, _ = scale_for_half_precision(features)
    assert scale is not None and scale.scale[-2:].tolist() == [1, 1]
    assert (scale.apply(features)[:, -2:] == 0).all()


def test_the_order_of_rows_changes_nothing() -> None:
    """Sums in another order differ in their last bits, the numbers that are kept do not."""
    one, other = (scale_for_half_precision(rows)[0] for rows in (PLAIN + 5000, PLAIN[::-1] + 5000))
    assert one is not None and other is not None and one.as_provenance() == other.as_provenance()


def test_it_comes_back_from_provenance() -> None:
    scale, _ = scale_for_half_precision(PLAIN * np.float32(1e-8))
    assert scale is not None
    again = imported_provenance("0", scale).feature_scale
    assert again is not None and np.array_equal(again.apply(PLAIN), scale.apply(PLAIN), equal_nan=True)
    assert imported_provenance("0", None).feature_scale is None
