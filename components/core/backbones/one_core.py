"""Work on batches of their own, a core each."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_core_a_batch() -> Iterator[None]:
    """Let torch use one core for each call, for callers that run as many calls at once as there are cores.

    Cores that work on batches of their own never wait for each other, as cores that share one batch do at every layer;
    and results then do not depend on the number of cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
