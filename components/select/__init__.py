"""Acquisition: which unlabelled samples to ask for next. One file a strategy, in `strategies`."""

from labelcycle.components.select import strategies  # noqa: F401  (importing registers them)
from labelcycle.components.select.batch import Selection, select_batch
from labelcycle.components.select.constraints import Constraints
from labelcycle.components.select.registry import STRATEGIES, strategy
from labelcycle.components.select.strategy import Candidates, Picks

__all__ = ["STRATEGIES", "Candidates", "Constraints", "Picks", "Selection", "select_batch", "strategy"]
