"""The packaged network, described without building it: a campaign on it begins without torch and timm."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from labelcycle.components.core.campaign.campaign import Backbone, Precision, Transform
from labelcycle.components.core.config.embedding import AskedPooling, Pooling
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference

PACKAGED = "labelcycle_vit_tiny_patch8_64"
"""Its name in timm, which `embedded.model` registers."""

WEIGHTS_FILE = Path(__file__).parent / "embedded" / f"{PACKAGED}.safetensors"
TRANSFORM = Transform(image_size=64, interpolation="bicubic", crop_share=1.0, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
WIDTH = 192


def packaged_weights() -> bytes:
    """The packaged network's own weights in float32, as safetensors: always the same bytes. Cost: 7 MB are made."""
    tensors = load(WEIGHTS_FILE.read_bytes())
    return save({name: tensor.astype(np.float32) for name, tensor in tensors.items()})


def packaged_backbone(store: Store, precision: Precision, pooling: AskedPooling) -> Backbone:
    """What `resolve_backbone` makes of the packaged network with its own weights and transform, to the same bytes.

    Args:
        store: where the campaign lives; the weights are kept there, in float32.
        precision: what the campaign's forward and backward passes compute in.
        pooling: which tokens of the network become features; it has a class token and patch tokens.

    Cost: 7 MB are written. No network is built.
    """
    data = packaged_weights()
    reference = ObjectReference(key=f"weights/{digest_of_bytes(data)}.safetensors", sha256=digest_of_bytes(data))
    if not store.exists(reference.key):
        store.write(reference.key, data)
    settled: Pooling = "cls_mean" if pooling == "auto" else pooling
    return Backbone(
        name=PACKAGED,
        weights=reference,
        transform=TRANSFORM,
        width=WIDTH * (2 if settled == "cls_mean" else 1),
        precision=precision,
        pooling=settled,
    )
