"""The tokens of a network that become features: its class token, the mean of its patch tokens, or both side by side.

Source: the class token beside the mean of the patch tokens as in the linear evaluation of Oquab et al., DINOv2, 2024.
"""

from dataclasses import dataclass
from typing import Any

import torch

from labelcycle.components.core.config.embedding import AskedPooling, Pooling
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.observation import notice


@dataclass(frozen=True)
class TokenPooling:
    """Takes the place of a timm model's `forward_head`: what its last layer gives → features.

    Attributes:
        model: whose tokens these are; its `fc_norm`, where it has one, normalises each part.
        pooling: any but `network`.
    """

    model: Any
    pooling: Pooling

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, T, d), the class token first, then registers, then patches → features (B, d), or (B, 2d)."""
        parts = []
        if self.pooling != "mean":
            parts.append(tokens[:, 0])
        if self.pooling != "cls":
            parts.append(tokens[:, self.model.num_prefix_tokens :].mean(dim=1))
        norm = getattr(self.model, "fc_norm", None)
        return torch.cat(parts if norm is None else [norm(part) for part in parts], dim=1)


def with_pooling(model: torch.nn.Module, pooling: Pooling) -> torch.nn.Module:
    """`model` itself, from now on giving features by `pooling`.

    The names and shapes of its weights stay, but for those of a pooling layer that nothing uses any more: it is gone.
    """
    network: Any = model
    if pooling != "network":
        if getattr(network, "attn_pool", None) is not None:
            network.attn_pool = None
        network.forward_head = TokenPooling(network, pooling)
    return model


def pooling_of(model: Any) -> Pooling:
    """The settings given to `with_pooling`."""
    head: object = model.forward_head
    return head.pooling if isinstance(head, TokenPooling) else "network"


def width_of(model: Any, pooling: Pooling) -> int:
    """Numbers in a feature vector."""
    return int(model.num_features) * (2 if pooling == "cls_mean" else 1)


def settle_pooling(asked: AskedPooling, model: torch.nn.Module, name: str, image_size: int) -> Pooling:
    """What a campaign pools by: `asked`, or what `auto` comes to for this network, which a notice reports.

    `auto` leaves a network that was trained with a pooling layer of its own what it is.

    Args:
        asked: the recipe's `embedding.pooling`.
        model: a timm model, in evaluation mode.
        name: the backbone's, for messages.
        image_size: pixels a side.

    Raises:
        ConfigurationError: the network has no such tokens.

    Cost: one forward pass of one image, unless the network pools by itself.
    """
    if asked == "network":
        return asked
    patches, class_token = _tokens_of(model, image_size)
    there = patches if asked == "mean" else class_token
    lacking = "patch tokens" if asked == "mean" else "class token"
    if asked != "auto":
        if there:
            return asked
        raise ConfigurationError(
            f"embedding.pooling {asked!r} takes tokens of the network, but backbone {name!r} "
            f"({type(model).__name__}) has no {lacking}. Set embedding.pooling to 'network', what it pools by itself, "
            "or name a vision transformer with a class token, such as vit_small_patch14_reg4_dinov2, with --backbone."
        )
    if there and getattr(model, "attn_pool", None) is None:
        return "cls_mean"
    why = "was trained with a pooling layer of its own" if there else f"has no {lacking}"
    notice(f"Backbone {name!r} {why}: its features are what the network pools by itself (embedding.pooling 'auto').")
    return "network"


@torch.inference_mode()
def _tokens_of(model: Any, image_size: int) -> tuple[bool, bool]:
    """Whether the network's last layer gives patch tokens, and whether a class token stands before them."""
    prefix = getattr(model, "num_prefix_tokens", None)
    if not isinstance(prefix, int):
        return False, False
    tokens = model.forward_features(torch.zeros(1, 3, image_size, image_size))
    if not isinstance(tokens, torch.Tensor) or tokens.ndim != 3 or tokens.shape[1] <= prefix:
        return False, False
    return True, prefix > 0 and getattr(model, "cls_token", None) is not None
