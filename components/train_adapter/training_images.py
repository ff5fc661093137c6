"""Labelled images, decoded once and kept as pixels, for trainers that pass them through the backbone every epoch."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import torch

from labelcycle.components.core.backbones.build import pixel_transform
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.train_adapter.fit import Examples
from labelcycle.components.train_adapter.head_modules import class_indices


def campaign_backbone(work: Attempt) -> Backbone:
    """The campaign's backbone.

    Raises:
        ConfigurationError: the campaign has embeddings only.
    """
    if work.campaign.backbone is None:
        raise ConfigurationError(
            f"Recipe {work.campaign.recipe.name!r} trains on images, but this campaign has embeddings only. "
            "Start a campaign with --images, or choose a recipe for frozen features such as uherding."
        )
    return work.campaign.backbone


def training_images(work: Attempt, backbone: Backbone, labelled: dict[str, str]) -> Examples:
    """The images of `labelled`, as `image_examples` gives them.

    Raises:
        InputError: none of them can be read.
    """
    examples = image_examples(work, backbone, labelled)
    if examples is None:
        raise InputError("None of the labelled images can be read. Restore the images and run again.")
    return examples


def image_examples(work: Attempt, backbone: Backbone, classes_by_id: dict[str, str]) -> Examples | None:
    """The images of `classes_by_id` and their classes; None where there is none that can be read."""
    ids, pixels = readable_images(work, backbone, classes_by_id)
    if pixels is None:
        return None
    return Examples(pixels, class_indices([classes_by_id[name] for name in ids], work.campaign.classes))


def readable_images(
    work: Attempt, backbone: Backbone, wanted_ids: Collection[str]
) -> tuple[list[str], torch.Tensor | None]:
    """Ids, sorted, and images, decoded by threads: uint8 (N, 3, H, W).

    Images that cannot be read are left out with a notice; None where there is none.
    """
    to_pixels = pixel_transform(backbone.transform)
    pool = load_pool(work.store, work.campaign)
    rows = zip(*(pool[name].to_pylist() for name in ("sample_id", "uri", "sha256")), strict=True)
    wanted = [row for row in rows if row[0] in wanted_ids]

    def decode(row: tuple[str, str, str]) -> torch.Tensor | UnreadableImage:
        try:
            return torch.from_numpy(to_pixels(decode_image(read_unchanged_image(row[1], row[2]))))
        except UnreadableImage as error:
            return error

    with ThreadPoolExecutor() as executor:
        results = list(zip(wanted, executor.map(decode, wanted), strict=True))
    for (sample_id, uri, _), result in results:
        if isinstance(result, UnreadableImage):
            notice(f"Labelled image {sample_id!r} ({uri}) is left out of training: {result}")
    good = [(row[0], result) for row, result in results if isinstance(result, torch.Tensor)]
    pixels = torch.stack([found for _, found in good]) if good else None
    return [sample_id for sample_id, _ in good], pixels
