"""Large matrix products: on the processor, or on a GPU where the caller asks for one."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError

Floats = npt.NDArray[np.float32]

PROCESSOR = "numpy"
"""The device on which numpy computes, and the default."""

_device = PROCESSOR


@contextmanager
def matmul_on(device: str) -> Iterator[None]:
    """Compute `product` inside on this device: `numpy`, or one that torch names, such as `cuda` or `cuda:1`.

    The setting holds for all threads of the process. Single precision is kept: a GPU's sums differ from the processor's
    in the last bits only, by about 1e-6 of the factors' lengths.

    Raises:
        ConfigurationError: torch does not know the device or cannot use it.
    """
    global _device
    if device != PROCESSOR:
        _try(device)
    before, _device = _device, device
    try:
        yield
    finally:
        _device = before


def chosen_device() -> str:
    """Where large matrix products are computed now: `numpy`, or a device of torch."""
    return _device


def matmul(left: Floats, right: Floats) -> Floats:
    """The matrix product (n, d) @ (d, m), float32 (n, m)."""
    if _device == PROCESSOR:
        result: Floats = left @ right
        return result
    import torch

    with torch.inference_mode():
        factors = [torch.from_numpy(np.ascontiguousarray(factor)).to(_device) for factor in (left, right.T)]
        found: Floats = (factors[0] @ factors[1].T).cpu().numpy()
    return found


def _try(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigurationError(
            f"Device {device!r} cannot be used: {error}. Choose numpy, or a device of this machine such as cuda."
        ) from error
