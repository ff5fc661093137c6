"""Training on accelerators and in several processes, through Hugging Face accelerate.

`accelerate launch --num_processes N -m labelcycle.pipelines.cli.main stage train_adapter …` starts one process a GPU.
Each takes its share of every batch, so that a step is that of one process on the whole batch, but for two things:
batch normalisation takes the mean and variance of the share, and dropout draws other masks. Only the main process
writes.
"""

import torch

from labelcycle.components.core.campaign import Precision
from labelcycle.components.core.ordering import seed_for
from labelcycle.components.core.processes import processes


class Acceleration:
    """What the training loop leaves to accelerate. Make it before anything is put on a device.

    Args:
        precision: `bfloat16` for mixed precision.
    """

    def __init__(self, precision: Precision = "float32") -> None:
        from accelerate import Accelerator

        mixed = "bf16" if precision == "bfloat16" else "no"
        self._accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision=mixed)

    def wrap(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network as it is called in training: in mixed precision, and with gradients of all processes averaged.

        Parameters and buffers are those of `network`, and begin as in the main process.
        """
        wrapped: torch.nn.Module = self._accelerator.prepare_model(network)
        return wrapped

    def unwrap(self, network: torch.nn.Module) -> None:
        """Make `network`, which was wrapped, what it was."""
        self._accelerator.unwrap_model(network, keep_fp32_wrapper=False)

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """Give each process dropout masks of its own, which a training that goes on draws again."""
        if processes() > 1:
            torch.manual_seed(seed_for(seed, epoch, f"process {self._accelerator.process_index}"))

    def share(self, rows: torch.Tensor) -> torch.Tensor:
        """This process's part of a batch; the whole of one that has fewer rows than there are processes."""
        count = self._accelerator.num_processes
        return rows if len(rows) < count else rows.tensor_split(count)[self._accelerator.process_index]

    def weight(self, rows: torch.Tensor, size: int) -> float:
        """What the mean loss of this process's part of `rows` counts for in a step of `size` rows."""
        count = self._accelerator.num_processes
        return len(rows) / size if len(rows) < count else len(self.share(rows)) * count / size

    def backward(self, loss: torch.Tensor) -> None:
        """Gradients of the loss."""
        self._accelerator.backward(loss)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean of a number over all processes."""
        averaged: torch.Tensor = self._accelerator.reduce(value, reduction="mean")
        return averaged

    def agree(self, network: torch.nn.Module) -> None:
        """Give every process the main one's buffers, such as running means."""
        if processes() > 1:
            from accelerate.utils import broadcast

            for buffer in network.buffers():
                broadcast(buffer)


def acceleration_for(precision: Precision) -> Acceleration | None:
    """Where there is a GPU, or several processes were launched; None where there is one process on a CPU."""
    return Acceleration(precision) if torch.cuda.is_available() or processes() > 1 else None
