"""LearnLoss: samples for which a network trained on the labelled ones predicts the largest loss.

Source: Yoo and Kweon, CVPR 2019, sections 3.2 and 3.3, on frozen features; named as a baseline in VeCAF, section 4.1.
Cost: epochs·L·d·hidden multiply-adds to train on one thread, seconds for thousands of labels, and N·d·hidden to
predict; L·d numbers and 4 bytes a sample of memory.
"""

import numpy as np

from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.select.checks import require_above, require_at_least
from labelcycle.components.select.loss_prediction import losses_of_head, train_loss_predictor
from labelcycle.components.select.ranking import best_first
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(needs={"features", "head", "labelled_features", "labelled_classes"})
def learnloss(
    pool: Candidates,
    budget: int,
    seed: int,
    epochs: int = 100,
    hidden: int = 128,
    margin: float = 1.0,
    learning_rate: float = 1e-3,
) -> Picks:
    """The samples of largest predicted loss.

    Args:
        pool: `features` (N, d), `head`, `labelled_features` (L, d) and `labelled_classes` (L,).
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the network's initial weights and training pairs.
        epochs: passes over the labelled samples.
        hidden: width of the network's layer.
        margin: by how much a pair of predictions must differ.
        learning_rate: of Adam.

    Raises:
        ConfigurationError: a number out of its range.

    The score is the predicted loss, whose unit means nothing; it is 0 for all where no two labelled samples differ in
    loss, so that there is nothing to learn from.
    """
    assert pool.features is not None and pool.head is not None
    assert pool.labelled_features is not None and pool.labelled_classes is not None
    require_at_least("epochs", epochs, 1)
    require_at_least("hidden", hidden, 1)
    require_above("margin", margin, 0)
    require_above("learning_rate", learning_rate, 0)
    predictor = train_loss_predictor(
        pool.labelled_features,
        losses_of_head(pool.head, pool.labelled_features, pool.labelled_classes),
        seed_for(seed, pool.cycle, "learnloss"),
        ranking="margin",
        hidden=hidden,
        epochs=epochs,
        learning_rate=learning_rate,
        margin=margin,
    )
    scores = predictor.over_pool(pool.features).astype(np.float64)
    rows = best_first(scores, pool.ids)[:budget]
    known = predictor.layers is not None
    reasons = [
        f"predicted loss ranks {rank} of {len(pool)}" if known else "all labelled samples have the same loss"
        for rank in range(1, budget + 1)
    ]
    return Picks(rows, scores[rows], reasons)
