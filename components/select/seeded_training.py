"""Training of small networks that is the same for the same seed, whatever the process did before or has for threads."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeded_training(seed: int) -> Iterator[None]:
    """Inside, torch draws from `seed` and computes on one thread; afterwards both are as they were.

    Args:
        seed: of torch's generator on the CPU, a non-negative integer.
    """
    import torch

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
