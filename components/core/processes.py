"""Which of several processes this is, where `accelerate launch` or torchrun has started more than one for a stage."""

import os


def processes() -> int:
    """How many there are; 1 where nothing was launched."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0
