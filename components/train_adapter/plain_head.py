"""A linear layer alone, as a classification head: normalisation that changes nothing, and is not trained."""

import torch

from labelcycle.components.core.head import LinearHead, identity_head


def plain_head(linear: torch.nn.Linear) -> LinearHead:
    """The layer (d → C) as a head for inference, whose batch normalisation is the identity."""
    weight, bias = (tensor.detach().float().cpu().numpy().copy() for tensor in (linear.weight, linear.bias))
    return identity_head(weight, bias)


def linear_layer(head: LinearHead) -> torch.nn.Linear:
    """The head as one linear layer (d → C), its normalisation folded in; for any head, not plain ones alone."""
    factor, offset = head.normalisation()
    linear = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(head.weight * factor))
        linear.bias.copy_(torch.from_numpy(head.bias + head.weight @ offset))
    return linear
