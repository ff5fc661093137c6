"""Every half-precision number there is, bit by bit."""

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.core.features.half_precision import as_single

HALVES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
FINITE = HALVES[np.isfinite(HALVES)]


def same_bits(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> bool:
    return np.array_equal(first.view(np.uint32), second.view(np.uint32))


def test_every_finite_half_is_exact() -> None:
    assert len(FINITE) == 63488
    assert same_bits(as_single(FINITE), FINITE.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_result_is_new_and_single(dtype: type[np.floating]) -> None:
    values = np.array([[1, -2.5], [0, 3]], dtype)
    found = as_single(values)
    assert found.dtype == np.float32 and found.flags.writeable and not np.shares_memory(found, values)
    assert found.tolist() == values.tolist()


def test_strided_and_read_only_arrays() -> None:
    values = FINITE[:63_000].reshape(-1, 30)[::3, ::2]
    values.flags.writeable = False
    assert same_bits(np.ascontiguousarray(as_single(values)), np.ascontiguousarray(values).astype(np.float32))
