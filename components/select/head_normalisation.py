"""Features as the linear layer of a head sees them: after its batch normalisation."""

from labelcycle.components.core.head import LinearHead
from labelcycle.components.select.points import Floats


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
