"""Acquisition: which unlabelled samples to ask for next. One file a strategy."""

from labelcycle.components.select import entropy, random  # noqa: F401  (importing registers the strategies)
from labelcycle.components.select.batch import Selection, select_batch
from labelcycle.components.select.strategy import STRATEGIES, Candidates, strategy

__all__ = ["STRATEGIES", "Candidates", "Selection", "select_batch", "strategy"]
