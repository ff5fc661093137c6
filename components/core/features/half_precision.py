"""Half precision: features that it cannot hold are centred and scaled, and its numbers are read quickly.

It has 11 significant bits and no numbers between 0 and 6e-8. Features of tiny values become 0, and small differences on
a large offset are rounded away, so that all samples become one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import blocks_of

Doubles = npt.NDArray[np.float64]

TOLERATED = 0.01
"""The share of a dimension's standard deviation that rounding may take away, as root mean square."""

FEW = 0.1
"""In so many of the dimensions more may be lost: networks have some that nearly never change."""

VARYING = 1e-7
"""A dimension whose standard deviation is a smaller share of its root mean square is constant: that is rounding."""


@dataclass(frozen=True)
class FeatureScale:
    """What features are centred and scaled by before they are kept, so that new ones are treated alike.

    Attributes:
        centre: float64 (d,), multiples of the scale next to the means.
        scale: float64 (d,), powers of 2 next to the standard deviations; 1 where a dimension is constant.

    Both are exact in binary, so that another processor that adds up in another order comes to the same numbers.
    """

    centre: Doubles
    scale: Doubles

    def apply(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float16]:
        """(features - centre) / scale in double precision, rounded once: (N, d) of any float type → float16 (N, d).

        Values too far from the centre become infinite. Cost: one block of rows beside the result.
        """
        result = np.empty(features.shape, np.float16)
        with np.errstate(over="ignore"):
            for rows in blocks_of(len(features)):
                result[rows] = (features[rows] - self.centre) / self.scale
        return result

    def undo(self, kept: npt.NDArray[np.float16]) -> Doubles:
        """The features that these were kept for, but for the rounding: (N, d) → float64 (N, d)."""
        return np.asarray(kept * self.scale + self.centre, np.float64)

    @property
    def held_by_single_precision(self) -> bool:
        """Whether features in float32 differ by so little from those in float64 that what is kept is nearly the same.

        They do not where the spread is tiny beside the offset, or beside the smallest number of float32.
        """
        steps = np.spacing(np.abs(self.centre).astype(np.float32)).astype(np.float64)
        return bool((steps <= TOLERATED * self.scale).all())

    def as_provenance(self) -> dict[str, list[float]]:
        """The numbers as they stand in a space's provenance."""
        return {"centre": self.centre.tolist(), "scale": self.scale.tolist()}


def lost_dimensions(features: npt.NDArray[np.floating]) -> tuple[int, int, FeatureScale]:
    """In how many dimensions half precision takes away more than a hundredth of the standard deviation.

    Args:
        features: finite, (N, d), N ≥ 1, of any float type.

    Returns:
        That number, how many dimensions vary at all, and the scale that would keep them.

    Cost: two passes over the features; memory of a few blocks of rows in double precision.
    """
    count, width = features.shape
    mean, spread, lost = np.zeros((3, width))
    for rows in blocks_of(count):
        mean += features[rows].sum(axis=0, dtype=np.float64)
    mean /= count
    with np.errstate(over="ignore"):
        for rows in blocks_of(count):
            block = features[rows].astype(np.float64)
            lost += np.square(block - block.astype(np.float16)).sum(axis=0)
            spread += np.square(block - mean).sum(axis=0)
    deviation = np.sqrt(spread / count)
    varies = deviation > VARYING * np.hypot(mean, deviation)
    worse = varies & (lost > TOLERATED**2 * spread)
    scale = np.exp2(np.rint(np.log2(deviation, out=np.zeros(width), where=varies)))
    centre = np.where(varies, np.rint(mean / scale) * scale, mean.astype(np.float32))
    return int(worse.sum()), int(varies.sum()), FeatureScale(centre, scale)


def scale_for_half_precision(features: npt.NDArray[np.floating]) -> tuple[FeatureScale | None, str]:
    """The scale that features need to be kept in half precision, and why; None and no words where they need none.

    They do where rounding takes away more than a hundredth of the standard deviation in more than a tenth of the
    dimensions that vary.

    Args:
        features: finite, (N, d), N ≥ 1, of any float type. Half-precision ones never need any.
    """
    if features.dtype == np.float16:
        return None, ""
    lost, varying, scale = lost_dimensions(features)
    if lost <= FEW * varying:
        return None, ""
    return scale, f"more than {TOLERATED:.0%} of the spread in {lost} of {varying} dimensions"


EXPONENT_SHIFT = np.float32(2.0**112)
"""The exponents of single precision are offset by 127, those of half precision by 15."""

SIGN_EXPONENT_MANTISSA = np.int32(-0x70002000)
"""The bits that stay after a half is moved to the upper end of 32 bits: 1 of sign, 5 of exponent, 10 of mantissa."""


def as_single(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """The values in a new float32 array.

    Args:
        values: of any float type and shape; half-precision ones must be finite.

    Halves are converted exactly, subnormal ones too: their bits are moved to where single precision has them, and the
    exponent is set right by a multiplication, which every processor does for many numbers at once.
    """
    if values.dtype != np.float16:
        return values.astype(np.float32)
    bits = values.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= SIGN_EXPONENT_MANTISSA
    result = bits.view(np.float32)
    result *= EXPONENT_SHIFT
    return result
