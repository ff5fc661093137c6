"""What a recipe says about embedding: which of a network's tokens become the features of a sample."""

from typing import Literal

from labelcycle.components.core.settings import Settings

Pooling = Literal["network", "cls", "mean", "cls_mean"]
"""How the tokens of a network become one vector: as the network does it by itself, its class token, the mean of its
patch tokens, or the class token and that mean side by side, twice as wide."""

AskedPooling = Literal["network", "cls", "mean", "cls_mean", "auto"]
"""What a recipe can ask for."""


class Embedding(Settings):
    """How features are made from images. It has no effect on embeddings that the user brings along.

    `pooling: auto` is `cls_mean` for a vision transformer with a class token, and `network` for any other network. A
    mean of patch tokens is without the class token and without registers.
    """

    pooling: AskedPooling = "network"
