"""Classification of images: read, decoded and embedded batch by batch, a few ahead, within bounded memory."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.backbones.build import one_core_a_batch, pixel_transform
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_image
from labelcycle.components.embed.embedding_network import forward
from labelcycle.components.embed.work_ahead import work_ahead
from labelcycle.pipelines.models.choice import Chosen
from labelcycle.pipelines.models.network import backbone_of, load_network
from labelcycle.pipelines.models.prediction_files import Predictions

NOT_FINITE = "the network makes NaN or infinite features of it"


def classify_images(chosen: Chosen, images: Mapping[str, str], batch_size: int) -> Iterator[Predictions]:
    """What the model says of each image, in their order.

    Features are rounded to float16 on the way, as they were when the model was measured.

    Args:
        chosen: the model.
        images: address by name.
        batch_size: images a forward pass.
    """
    backbone, head = backbone_of(chosen), chosen.head
    network = load_network(chosen)
    to_pixels = pixel_transform(backbone.transform)
    names = list(images)

    def classify(batch: list[str]) -> Predictions:
        reasons: list[str | None] = [None] * len(batch)
        pixels: list[npt.NDArray[np.uint8]] = []
        for row, name in enumerate(batch):
            try:
                pixels.append(to_pixels(decode_image(read_image(images[name]))))
            except UnreadableImage as error:
                reasons[row] = str(error)
        probabilities = np.full((len(batch), len(chosen.campaign.classes)), np.nan, np.float32)
        if pixels:
            features = forward(network, np.stack(pixels), backbone)
            probabilities[[row for row, reason in enumerate(reasons) if reason is None]] = head.probabilities(features)
        lost = {int(row) for row in np.flatnonzero(np.isnan(probabilities).any(axis=1))}
        reasons = [reason or (NOT_FINITE if row in lost else None) for row, reason in enumerate(reasons)]
        return Predictions([_as_text(name) for name in batch], probabilities, reasons)

    with one_core_a_batch():
        yield from work_ahead(
            (names[start : start + batch_size] for start in range(0, len(names), batch_size)), classify
        )


def _as_text(name: str) -> str:
    """The name of a file, whose bytes need not be text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
