"""A folder or prefix that grows while a campaign goes on: which campaigns can take its images in."""

from pathlib import Path

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.own_labels import is_own_table
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.images.allowed_sources import allowed_image, image_address


def watched_address(folder: str) -> str:
    """The address of a folder or prefix to watch, absolute.

    Raises:
        ConfigurationError: it is a file, or images do not come from there.
    """
    address = image_address(str(Path(folder).expanduser()) if folder.startswith("~") else folder)
    address = address if address.startswith("s3://") else str(Path(address).absolute())
    allowed_image(address)
    if not address.startswith("s3://") and not Path(address).is_dir():
        raise ConfigurationError(f"--watch-images {folder}: there is no such folder. Name one, or an s3:// prefix.")
    return address


def check_watching(campaign: Campaign, knows_pool: bool) -> None:
    """Refuse to watch for images where a campaign needs more of each than the image.

    Args:
        campaign: with `watch_images`.
        knows_pool: whether the labels of its pool are known.

    Raises:
        ConfigurationError: it has embeddings, reads captions, or has labels for its samples from the start.
    """
    if campaign.watch_images is None:
        return
    plays = campaign.labels_from is not None and is_own_table(campaign.labels_from)
    why = ""
    if campaign.backbone is None:
        why = "a campaign on embeddings has no images"
    elif campaign.text_encoder is not None:
        why = f"recipe {campaign.recipe.name!r} reads captions, which images that come later do not have"
    elif plays or knows_pool or campaign.recipe.data_selection is not None:
        why = "the labels of its pool are known from the start, and images that come later have none"
    if why:
        raise ConfigurationError(f"--watch-images: {why}. Leave it out.")
