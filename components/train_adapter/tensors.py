"""Between a module's tensors and a head's arrays, by name."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

Arrays = dict[str, npt.NDArray[np.float32]]


@torch.no_grad()
def take_over(tensors: Mapping[str, torch.Tensor | None], arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Copy each array into the tensor of its name."""
    for name, tensor in tensors.items():
        assert tensor is not None
        tensor.copy_(torch.from_numpy(arrays[name]))


def arrays_of(tensors: Mapping[str, torch.Tensor | None]) -> Arrays:
    """Copies of the tensors, in the processor's memory."""
    arrays = {}
    for name, tensor in tensors.items():
        assert tensor is not None
        arrays[name] = tensor.detach().cpu().numpy().copy()
    return arrays
