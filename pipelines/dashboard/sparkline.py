"""A row of figures as a row of blocks."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(figures: Sequence[float], width: int) -> str:
    """The last `width` figures as blocks: the lowest of them the lowest block, the highest the highest."""
    shown = figures[-width:] if width > 0 else []
    if not shown or min(shown) == max(shown):
        return BLOCKS[0] * len(shown)
    lowest, span = min(shown), max(shown) - min(shown)
    return "".join(BLOCKS[round((figure - lowest) / span * (len(BLOCKS) - 1))] for figure in shown)
