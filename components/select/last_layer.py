"""What a strategy sees of a model with more than one layer: the space's features, or those of its last layer.

A strategy whose formula is about the last layer of the model, its gradients, its inputs or dropout before it, reads
hidden features, and with them the last layer as a linear head. All others compare samples in the feature space itself.

Features as the linear layer of a head sees them: after its batch normalisation.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.heads import Head
from labelcycle.components.select.points import Floats
from labelcycle.components.select.strategy import Candidates, Strategy


def with_head(pool: Candidates, head: Head, strategy: Strategy | None) -> Candidates:
    """The candidates as the strategy is to see them under this head.

    Args:
        pool: with features of the space, (N, d), as far as the strategy reads them.
        head: of the current cycle, on features of the space.
        strategy: which says whether it is about the last layer; None is not.

    Returns:
        The candidates with the last layer as `head`. For a strategy of the last layer features become hidden features,
        (N, h) and (L, h): those of a hidden layer, or standardised ones; a linear head has none but the features
        themselves.
    """
    pool = replace(pool, head=head.last)
    if strategy is None or not strategy.of_last_layer or isinstance(head, LinearHead):
        return pool
    return replace(
        pool,
        features=_hidden(head, pool.features),
        labelled_features=_hidden(head, pool.labelled_features),
    )


def _hidden(head: Head, features: npt.NDArray[np.floating] | None) -> npt.NDArray[np.float32] | None:
    """Block by block, without a copy of all features in float32."""
    if features is None:
        return None
    hidden = np.empty((len(features), head.weight.shape[1]), np.float32)

    def fill(rows: slice) -> None:
        hidden[rows] = head.hidden_features(features[rows])

    for_each_block(len(features), fill)
    return hidden


class HeadNormalisation:
    """The batch normalisation of a head, as in evaluation: float32 (b, d) → the same array, overwritten.

    Dropout, which a head has before or after it in training, is off.
    """

    def __init__(self, head: LinearHead) -> None:
        self._factor, self._offset = head.normalisation()

    def __call__(self, features: Floats) -> Floats:
        """Normalise a block in place."""
        features *= self._factor
        features += self._offset
        return features
