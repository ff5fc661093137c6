"""Predictions of new images or embeddings by a committed model, by the same steps that measured it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.models.heads import input_width
from labelcycle.components.core.runtime.observation import Progress, notice
from labelcycle.pipelines.models.choice import Chosen
from labelcycle.pipelines.models.prediction_files import Layout, Predictions, check_output, prediction_file

EMBEDDINGS_A_BATCH = 4096


@dataclass(frozen=True)
class Predicted:
    """How many samples have a prediction, and how many have none."""

    predicted: int
    unreadable: int


def predict_images(
    chosen: Chosen, images: str, output: str, batch_size: int = 64, top: int = 1, probabilities: bool = False
) -> Predicted:
    """Classify images and write what the model says of each, in order of their names.

    Args:
        chosen: the model.
        images: a folder, an `s3://` prefix, an image, or a `.txt` list of images.
        output: a .csv or .parquet file, by path or `s3://` URI.
        batch_size: images a forward pass.
        top: how many classes of each image are listed.
        probabilities: whether CSV has a column a class too.

    Raises:
        ConfigurationError: the model takes no images, or images or output are misnamed.
        InputError: no image could be read; the output says why of each.

    Cost: one forward pass an image, by a core a batch or by a GPU. Memory for the network, the names and a few batches.
    """
    from labelcycle.pipelines.models.classify_images import classify_images, images_named
    from labelcycle.pipelines.models.network import backbone_of

    check_output(output)
    backbone_of(chosen)
    found = images_named(images)
    layout = Layout(chosen.campaign.classes, top, probabilities)
    counted = _write(output, layout, lambda: classify_images(chosen, found, batch_size), len(found), "image")
    if not counted.predicted:
        raise InputError(f"None of the {counted.unreadable} images of {images} can be read; {output} says why.")
    return counted


def predict_embeddings(
    chosen: Chosen, embeddings: str, output: str, top: int = 1, probabilities: bool = False
) -> Predicted:
    """Classify embeddings and write what the model says of each, in order of their ids. Needs no torch.

    They are centred and scaled as the campaign's own were, where float16 could not hold these as they are.

    Args:
        chosen: the model, of a campaign that was started with embeddings.
        embeddings: an .npz or .parquet file, as `labelcycle init` takes them, of the same network.
        output: a .csv or .parquet file, by path or `s3://` URI.
        top: how many classes of each sample are listed.
        probabilities: whether CSV has a column a class too.

    Raises:
        ConfigurationError: the model takes images, or the output is misnamed.
        InputError: the file cannot be used, or its vectors have another width.
        CampaignError: the record of what the campaign's features were made from is gone.

    Cost: memory for the features.
    """
    from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings

    check_output(output)
    if chosen.campaign.backbone is not None:
        raise ConfigurationError(
            f"The models of campaign {chosen.campaign.identifier!r} take images, since it was started with images. "
            "Give them with --images."
        )
    samples = samples_from_embeddings(embeddings, chosen.feature_scale)
    assert samples.features is not None
    head, names, features = chosen.head, list(samples.uris), samples.features
    if features.shape[1] != input_width(head):
        raise InputError(
            f"{embeddings} has vectors of {features.shape[1]} numbers, and the model takes {input_width(head)}. "
            "Give embeddings of the network that the campaign was started with."
        )

    def batches() -> Iterator[Predictions]:
        for start in range(0, len(names), EMBEDDINGS_A_BATCH):
            rows = slice(start, start + EMBEDDINGS_A_BATCH)
            yield Predictions(names[rows], head.probabilities(features[rows]), [None] * len(names[rows]))

    return _write(output, Layout(chosen.campaign.classes, top, probabilities), batches, len(names), "sample")


def _write(
    output: str, layout: Layout, batches: Callable[[], Iterator[Predictions]], total: int, unit: str
) -> Predicted:
    unreadable = 0
    with Progress("predict", total, unit) as progress, prediction_file(output, layout) as file:
        for batch in batches():
            file.write(batch)
            unreadable += int(np.sum([reason is not None for reason in batch.reasons]))
            progress.advance(len(batch.images))
    if unreadable:
        notice(f"{unreadable} of {total} images cannot be read; the column `reason` of {output} says why.")
    return Predicted(total - unreadable, unreadable)
