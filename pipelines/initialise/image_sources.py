"""The samples of `--images`, by what it names: image files, a manifest, files that hold them, or a dataset."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path, PurePosixPath

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.images.allowed_sources import image_address
from labelcycle.components.core.images.listing import list_images, no_images
from labelcycle.components.core.images.members import ARCHIVE, CONTAINERS
from labelcycle.pipelines.initialise import manifest, named_dataset
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.containers import samples_from_containers
from labelcycle.pipelines.initialise.image_folder import samples_from_images
from labelcycle.pipelines.initialise.image_tables import holds_images
from labelcycle.pipelines.initialise.manifest import samples_from_manifest
from labelcycle.pipelines.initialise.samples import Samples, with_use_of_labels


def samples_of_images(settings: CampaignSettings, known: Collection[str] = ()) -> Samples:
    """The samples that `--images` names.

    A folder without image files may hold its images in shards of WebDataset, or in Parquet files or Arrow streams that
    have a column of images.

    Args:
        settings: of the campaign.
        known: addresses of image files of a folder that are left out, because they were looked at before.

    Raises:
        ConfigurationError: a package is missing; or `--folder-labels` or `--follow-links` where it names no folder of
            image files.
        InputError: unusable images, labels or splits, or none at all.
    """
    return with_use_of_labels(_samples_of(settings.images or "", settings, known), settings.play_annotator)


def _samples_of(source: str, settings: CampaignSettings, known: Collection[str]) -> Samples:
    limit, classes = settings.max_unreadable, settings.classes or None
    if source.startswith(named_dataset.SCHEME):
        _refuse_folder_flags(settings, settings.follow_links)
        return samples_from_containers(source, named_dataset.files_of_dataset(source), limit, classes)
    if _is_file(source, CONTAINERS):
        address = image_address(str(Path(source).expanduser()) if source.startswith("~") else source)
        if _is_file(source, (ARCHIVE,)) or holds_images(address):
            _refuse_folder_flags(settings, settings.follow_links)
            return samples_from_containers(source, {PurePosixPath(address).name: address}, limit, classes)
    if _is_file(source, manifest.ENDINGS):
        _refuse_folder_flags(settings, settings.follow_links)
        return samples_from_manifest(source, limit, classes)
    listing = list_images(source, settings.follow_links)
    if listing.images:
        found = len(listing.images)
        listing.images = {name: uri for name, uri in listing.images.items() if uri not in known}
        samples = samples_from_images(source, listing, limit, settings.folder_labels)
        return replace(samples, known=found - len(listing.images))
    files = {name: uri for name, uri in listing.containers.items() if _is_file(uri, (ARCHIVE,)) or holds_images(uri)}
    if not files:
        raise InputError(no_images(source, listing))
    _refuse_folder_flags(settings, False)
    listing.containers = {name: uri for name, uri in listing.containers.items() if name not in files}
    return samples_from_containers(source, files, limit, classes, listing.passed_over)


def _is_file(source: str, endings: tuple[str, ...]) -> bool:
    """Whether an address ends like a file of some kind, and is no folder by that name."""
    return source.lower().endswith(endings) and not ("://" not in source and Path(source).expanduser().is_dir())


def _refuse_folder_flags(settings: CampaignSettings, follow_links: bool) -> None:
    for flag, given in (("--folder-labels", settings.folder_labels), ("--follow-links", follow_links)):
        if given:
            raise ConfigurationError(
                f"{flag} is about folders of image files, but those of {settings.images} are named or held by other "
                "files. Leave it out."
            )
