"""Moved to `labelcycle.components.core.blocks`, because scores are computed in blocks too; import it from there."""

from labelcycle.components.core.blocks import BLOCK_ROWS, blocks_of, cores, for_each_block, one_thread_products

__all__ = ["BLOCK_ROWS", "blocks_of", "cores", "for_each_block", "one_thread_products"]
