"""A vision transformer in two parts: the frozen one that comes first, and the one that is trained.

Source: timm's VisionTransformer, whose forward pass this follows operation by operation.
"""

import torch
from timm.layers import DropPath, Mlp
from timm.models.eva import Eva
from timm.models.vision_transformer import Attention, Block, VisionTransformer

from labelcycle.components.core.backbones.pooling import pooling_of


def is_plain(model: torch.nn.Module) -> bool:
    """Whether the network is a timm vision transformer whose blocks run one after another, without dropout before."""
    return (
        isinstance(model, VisionTransformer)
        and type(model).forward is VisionTransformer.forward
        and type(model).forward_features is VisionTransformer.forward_features
        and type(model).forward_head is VisionTransformer.forward_head
        and isinstance(model.patch_drop, torch.nn.Identity)
        and model.pos_drop.p == 0
    )


def has_numbered_blocks(model: torch.nn.Module) -> bool:
    """Whether the attention blocks are `blocks`, one after another; timm's EVA02 is no `VisionTransformer`."""
    return isinstance(model, VisionTransformer | Eva)


def takes_samples_apart(model: torch.nn.Module) -> bool:
    """Whether the whole network treats each image of a batch on its own and draws nothing at random in training."""
    return is_plain(model) and not any(
        isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d)
        or (isinstance(part, torch.nn.Dropout) and part.p > 0)
        or (isinstance(part, DropPath) and bool(part.drop_prob))
        for part in model.modules()
    )


class FrozenPart(torch.nn.Module):
    """Images (B, 3, H, W) → the tokens (B, T, d) that block number `first` takes."""

    def __init__(self, model: VisionTransformer, first: int) -> None:
        super().__init__()
        self.model, self.first = model, first

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Patches, positions and the blocks before `first`, without gradients."""
        model = self.model
        tokens: torch.Tensor = model.norm_pre(model._pos_embed(model.patch_embed(images)))
        for block in list(model.blocks)[: self.first]:
            tokens = block(tokens)
        return tokens


class TrainedPart(torch.nn.Module):
    """Tokens (B, T, d) that block number `first` takes → features (B, d).

    Where features are the class token, the last block computes that token alone: the others only lend it their keys and
    values. This saves most of a block, and changes nothing.
    """

    def __init__(self, model: VisionTransformer, first: int) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(list(model.blocks)[first:])
        self.norm = model.norm
        self._head = model.forward_head
        self._class_token_alone = (
            model.attn_pool is None
            and (pooling_of(model) == "cls" or (pooling_of(model) == "network" and model.global_pool == "token"))
            and type(model.blocks[-1]) is Block
            and type(model.blocks[-1].attn) is Attention
            and type(model.blocks[-1].mlp) is Mlp
            and model.blocks[-1].attn.gate is None
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """The blocks, the last normalisation, and the pooling."""
        *blocks, last = self.blocks
        for block in blocks:
            tokens = block(tokens)
        tokens = _class_token(last, tokens) if self._class_token_alone else last(tokens)
        features: torch.Tensor = self._head(self.norm(tokens))
        return features


def _class_token(block: Block, tokens: torch.Tensor) -> torch.Tensor:
    """What `block` makes of the first token: (B, T, d) → (B, 1, d)."""
    attention = block.attn
    heads = (3, attention.num_heads, attention.head_dim)
    query, key, value = attention.qkv(block.norm1(tokens)).unflatten(-1, heads).permute(2, 0, 3, 1, 4)
    mixed = torch.nn.functional.scaled_dot_product_attention(
        attention.q_norm(query[:, :, :1]),
        attention.k_norm(key),
        value,
        dropout_p=attention.attn_drop.p if block.training else 0.0,
        scale=attention.scale,
    )
    mixed = attention.norm(mixed.transpose(1, 2).reshape(len(tokens), 1, attention.attn_dim))
    first = tokens[:, :1] + block.drop_path1(block.ls1(attention.proj_drop(attention.proj(mixed))))
    result: torch.Tensor = first + block.drop_path2(block.ls2(block.mlp(block.norm2(first))))
    return result
