"""A batch cut into small pieces that the cores take one at a time, forward and backward."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import torch
from torch.autograd.function import once_differentiable

from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.train_adapter.head_modules import noise

PIECE = 8
"""Samples a piece: few enough for their activations to stay in a core's cache."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class InParallel(torch.nn.Module):
    """`network` on a CPU, its batches in pieces of `PIECE` samples, as many at a time as there are cores.

    The samples of a batch must not depend on each other within `network` (no batch normalisation). Gradients are added
    up in the order of the samples, and each piece draws its dropout from a generator of its own, so results are the
    same for any number of cores.

    Only within `running` do pieces run at once; otherwise, and on other devices, `network` is called as it is.
    """

    def __init__(self, network: torch.nn.Module, precision: AbstractContextManager[object]) -> None:
        super().__init__()
        self.network = network
        self._precision = precision
        self._threads: ThreadPoolExecutor | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """The time for which threads are kept, and torch uses one core a call."""
        with one_core_a_batch(), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            self._threads = threads
            try:
                yield
            finally:
                self._threads = None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(B, …) → (B, d)."""
        if self._threads is None or inputs.device.type != "cpu":
            result: torch.Tensor = self.network(inputs)
            return result
        parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        features: torch.Tensor = _Pieces.apply(self, inputs, torch.is_grad_enabled(), *parameters)  # type: ignore[no-untyped-call]
        return features

    def each(self, work: Callable[[Item], Result], items: list[Item]) -> Iterator[Result]:
        """The results of `work` on `items`, in their order, each as soon as it is there."""
        assert self._threads is not None
        return self._threads.map(work, items)

    def piece(self, inputs: torch.Tensor, seed: int, gradients: bool) -> torch.Tensor:
        """The network's output for one piece, in a thread of its own."""
        generator = noise.set(torch.Generator().manual_seed(seed))
        try:
            with torch.set_grad_enabled(gradients), self._precision:
                result: torch.Tensor = self.network(inputs)
                return result.float()
        finally:
            noise.reset(generator)


class _Pieces(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, parallel: InParallel, inputs: torch.Tensor, gradients: bool, *parameters: torch.Tensor
    ) -> torch.Tensor:
        seed = int(torch.randint(2**62, ()))
        pieces = list(enumerate(inputs.split(PIECE)))
        outputs = list(parallel.each(lambda piece: parallel.piece(piece[1], seed + piece[0], gradients), pieces))
        ctx.parallel, ctx.parameters, ctx.outputs = parallel, parameters, outputs if gradients else None
        return torch.cat([output.detach() for output in outputs])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        work = list(zip(ctx.outputs, gradient.split(PIECE), strict=True))
        ctx.outputs = None
        found = ctx.parallel.each(lambda piece: torch.autograd.grad(piece[0], ctx.parameters, piece[1]), work)
        total = list(next(found))
        for gradients in found:
            torch._foreach_add_(total, gradients)
        return None, None, None, *total
