"""A few samples of a campaign, to try a model on: the test set's where there is one, the same ones each time."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.backbones.build import pixel_transform
from labelcycle.components.core.campaign.campaign import load_pool
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.pipelines.models.choice import Chosen
from labelcycle.pipelines.models.network import backbone_of

SAMPLES = 64


def sample_pixels(chosen: Chosen, count: int = SAMPLES) -> npt.NDArray[np.uint8]:
    """Images as the model's network takes them, before normalisation: uint8 (at most `count`, 3, S, S).

    Raises:
        InputError: none can be read.
    """
    to_pixels = pixel_transform(backbone_of(chosen).transform)
    pixels: list[npt.NDArray[np.uint8]] = []
    samples = _samples(chosen)
    reason = "there is none"
    for uri, sha256 in zip(samples["uri"].to_pylist(), samples["sha256"].to_pylist(), strict=True):
        try:
            pixels.append(to_pixels(decode_image(read_unchanged_image(uri, sha256))))
        except UnreadableImage as error:
            reason = f"{uri}: {error}"
        if len(pixels) == count:
            break
    if not pixels:
        raise InputError(
            f"No image of campaign {chosen.campaign.identifier!r} can be read, so the exported model cannot be tried "
            f"({reason}). Restore the images and run again."
        )
    return np.stack(pixels)


def sample_features(chosen: Chosen, count: int = SAMPLES) -> npt.NDArray[np.float16]:
    """Features of the campaign's base space: float16 (at most `count`, d)."""
    ids: list[str] = _samples(chosen)["sample_id"].to_pylist()[:count]
    return FeatureSpace(chosen.store, chosen.campaign.base_space).read(ids)[1]


def _samples(chosen: Chosen) -> pa.Table:
    """The samples of the test set in an order drawn once for all, or those of the pool where it is empty."""
    pool = load_pool(chosen.store, chosen.campaign)
    test = pool.filter(pc.equal(pool["split"], "test"))
    table = test if test.num_rows else pool
    return table.take(pa.array(np.argsort(keyed_order(table["sample_id"].to_pylist(), "export"), kind="stable")))
