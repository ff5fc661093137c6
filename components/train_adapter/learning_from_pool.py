"""Which samples without a label take part in a training, and what they count there. Needs no torch."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.config.trainers import LearnsFromPool
from labelcycle.components.core.features.ordering import sampled

Doubles = npt.NDArray[np.float64]

MOST_UNLABELLED = 4000
"""So many unlabelled samples of the pool take part."""

MOST_LABELLED = 10_000
"""With more labels than this the unlabelled pool, which adds little then, takes no part."""

TINY = float(np.finfo(np.float64).tiny)


def uses_pool(trainer: LearnsFromPool, labels: int, most_labelled: int = MOST_LABELLED) -> bool:
    """Whether unlabelled samples take part beside so many labelled ones."""
    return trainer.unlabelled == "spread" and labels <= most_labelled


def taking_part(ids: npt.NDArray[np.str_], seed: int, most: int = MOST_UNLABELLED) -> npt.NDArray[np.int64]:
    """Rows of the unlabelled samples that take part, ascending: a random sample that changes little between cycles."""
    return sampled(ids, most, seed, "unlabelled samples that training looks at")


def worth_of(certainty: Doubles, labels: float, classes: int, trainer: LearnsFromPool) -> Doubles:
    """What each pseudo-label counts, in labels; together less than each of the three limits that are set.

    Args:
        certainty: of each pseudo-label, at least 0, (M,).
        labels: what all labels together count.
        classes: C.
        trainer: the limits.
    """
    limits = np.array(
        [
            trainer.unlabelled_weight * labels,
            trainer.unlabelled_most * classes,
            trainer.unlabelled_each * max(len(certainty), 1),
        ]
    )
    together = 1 / float((1 / limits).sum())
    return np.asarray(certainty * (together / max(certainty.sum(), TINY)), np.float64)
