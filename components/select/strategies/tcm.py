"""TCM: TypiClust while there are few labels, then margin.

With few labels, what a model is unsure of says little, and typical samples teach it the most; later it is the other way
round.

Source: Doucet et al., Bridging Diversity and Uncertainty in Active Learning with Self-Supervised Pre-Training, 2024
    (arXiv 2403.03728). The paper switches early, after a number of its own steps; here the switch is counted in labels
    a class, so that it does not depend on the size of a query. By default it comes at 5 a class, where margin overtakes
    TypiClust on EuroSAT.
Cost: that of `typiclust` before the switch, that of `margin` after it.
"""

from dataclasses import replace

from labelcycle.components.select.parameters import require_at_least
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategies.margin import margin
from labelcycle.components.select.strategies.typiclust import typiclust
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(needs={"features", "probs"}, uses={"labelled_features", "labelled_ids"})
def tcm(pool: Candidates, budget: int, seed: int, labels_a_class: float = 5.0, neighbours: int = 20) -> Picks:
    """TypiClust's picks while there are fewer labels a class than `labels_a_class` on average, then those of margin.

    The first query, for which there is no model yet, is TypiClust's too where `typiclust` is the cold start.

    Args:
        pool: `features` (N, d), `probs` (N, C); `labelled_features` (L, d) where there are labels.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the start of TypiClust's k-means.
        labels_a_class: margin asks once L ≥ C · labels_a_class; 0 for margin at once.
        neighbours: of TypiClust.

    Raises:
        ConfigurationError: a negative number of labels a class, no neighbours.

    The score is that of the strategy whose picks they are.
    """
    require_at_least("labels_a_class", labels_a_class, 0)
    require_at_least("neighbours", neighbours, 1)
    assert pool.probs is not None
    labels = 0 if pool.labelled_features is None else len(pool.labelled_features)
    if labels < labels_a_class * pool.probs.shape[1]:
        picks, why = typiclust(pool, budget, seed, neighbours=neighbours), "few labels yet"
    else:
        picks, why = margin(pool, budget, seed), "enough labels"
    return replace(picks, reasons=[f"{why}: {reason}" for reason in picks.reasons])
