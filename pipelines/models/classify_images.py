"""Classification of images: listed, read, decoded and embedded batch by batch, a few ahead, within bounded memory.

A user names images by a folder, an `s3://` prefix, one image, or a text file with one image a line.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.images.allowed_sources import RefusedImage, image_address
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.listing import image_endings, list_images, no_images
from labelcycle.components.core.images.source import read_image
from labelcycle.components.core.models.image_classifier import ImageClassifier
from labelcycle.components.core.runtime.work_ahead import work_ahead
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.models.choice import Chosen
from labelcycle.pipelines.models.network import backbone_of, load_network
from labelcycle.pipelines.models.prediction_files import Predictions


def classify_images(
    chosen: Chosen, images: Mapping[str, str], batch_size: int, network: torch.nn.Module | None = None
) -> Iterator[Predictions]:
    """What the model says of each image, in their order.

    Features are rounded to float16 on the way, as they were when the model was measured. An address that is never
    fetched, such as one of http, has that as its reason.

    Args:
        chosen: the model.
        images: address by name.
        batch_size: images a forward pass.
        network: the model's, where it is loaded already.
    """
    network = load_network(chosen) if network is None else network
    classifier = ImageClassifier(network, backbone_of(chosen), chosen.head, classes=len(chosen.campaign.classes))
    names = list(images)

    def classify(batch: list[str]) -> Predictions:
        found = classifier.classify([partial(_decoded, images[name]) for name in batch])
        return Predictions([_as_text(name) for name in batch], found.probabilities, found.reasons)

    with one_core_a_batch():
        yield from work_ahead(
            (names[start : start + batch_size] for start in range(0, len(names), batch_size)), classify
        )


def _decoded(address: str) -> Image.Image:
    try:
        image_address(address)
    except RefusedImage as error:
        raise UnreadableImage(str(error)) from error
    return decode_image(read_image(address))


def _as_text(name: str) -> str:
    """The name of a file, whose bytes need not be text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


LIST = ".txt"


def images_named(source: str) -> dict[str, str]:
    """The address of each image, by the name that predictions call it by.

    Args:
        source: a folder or `s3://` prefix, whose images are named by their paths below it; an image; or a `.txt` file
            of paths and `s3://` URIs, a line each, which are relative to the file's folder and name themselves.

    Returns:
        Also links to nothing and what is neither file nor folder, where their names end as images' do: reading them
        gives the reason why they have no prediction.

    Raises:
        ConfigurationError: there is no such folder or file, or the one image is neither a file nor in S3.
        InputError: it names no image.
    """
    if source.lower().endswith(image_endings()):
        image_address(source)
        return {source: source}
    if source.lower().endswith(LIST):
        found = _listed(source)
        if not found:
            raise InputError(f"{source} names no image. Write the path or s3:// URI of an image into each line.")
        return found
    if "://" not in source and Path(source).expanduser().is_file():
        raise ConfigurationError(
            f"{source} is neither a folder, nor an image ({', '.join(image_endings())}), nor a {LIST} list of images. "
            "Correct --images."
        )
    listing = list_images(source)
    images = listing.images | listing.no_files
    if not images:
        raise InputError(no_images(source, listing))
    return dict(sorted(images.items()))


def _listed(source: str) -> dict[str, str]:
    folder, slash, name = source.rpartition("/")
    try:
        lines = open_store(folder + slash if slash else ".").read(name).decode("utf-8-sig").split("\n")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigurationError(f"There is no file {source}. Correct --images.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    images = [line.strip() for line in lines if line.strip()]
    return {image: image if _is_absolute(image) else f"{folder or '.'}/{image}" for image in images}


def _is_absolute(image: str) -> bool:
    """Whether a line says where the image is by itself; other schemes among them, which reading refuses by name."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", image) is not None or Path(image).is_absolute()
