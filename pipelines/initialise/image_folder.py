"""Samples from a folder of images: every file is read and decoded once, and set aside now if it cannot be used."""

from labelcycle.components.core.errors import printable
from labelcycle.components.core.images.inspection import Found, inspect_images
from labelcycle.components.core.images.listing import Listing
from labelcycle.components.labelling.sample_ids import fault_of_id
from labelcycle.pipelines.initialise.class_folders import ClassFolders, class_folders
from labelcycle.pipelines.initialise.inspected_source import reading_of, refuse_too_many
from labelcycle.pipelines.initialise.samples import Samples, labelled_samples


def samples_from_images(folder: str, listing: Listing, max_unreadable_share: float, folder_labels: bool) -> Samples:
    """Inspect all images of a folder or an `s3://` prefix; the id of a sample is its path below the folder.

    What cannot be read, or has a name that cannot be an id, is set aside; what is passed over is told.

    Args:
        folder: as the user named it.
        listing: what lies there, an image at least.
        max_unreadable_share: of the images, so many may be set aside.
        folder_labels: whether the folder of an image is its class (`class_folders`).

    Raises:
        InputError: too many are set aside, or there are no folders of classes.

    Cost: as `inspect_images`; memory for the names.
    """
    said = class_folders(listing.images, listing.folders, folder) if folder_labels else ClassFolders()
    faults = {name: fault for name in listing.images if (fault := fault_of_id(name))}
    found = [
        Found(name, uri) for name, uri in listing.images.items() if name not in faults and name not in said.left_out
    ]
    inspected = inspect_images(found, len(found))
    aside = inspected.quarantined
    inspected.quarantined = []
    for name, fault in faults.items():
        what = "path" if "/" in name else "file name"
        inspected.set_aside(printable(name), printable(listing.images[name]), f"the {what} {fault}")
    inspected.quarantined += aside
    refuse_too_many(inspected, max_unreadable_share, folder)
    reading = reading_of(inspected, folder, said.remarks, listing.passed_over)
    return labelled_samples(inspected, said.labels, said.splits, reading)
