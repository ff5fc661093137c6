"""Samples from a folder of images: every file is read and decoded once, and set aside now if it cannot be used."""

import os
from concurrent.futures import ThreadPoolExecutor

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import list_images, read_image
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.labelling.sample_ids import fault_of_id
from labelcycle.pipelines.initialise.samples import Samples


def samples_from_images(folder: str, max_unreadable_share: float) -> Samples:
    """Inspect all images below `folder` (or an `s3://` prefix); the id of a sample is its path below the folder.

    Raises:
        InputError: no images there, too many that cannot be read, or a file whose name cannot be an id.

    Cost: one read and one decoding an image, by one thread a core; memory for one image a thread.
    """
    found = list_images(folder)
    if not found:
        raise InputError(f"{folder} holds no .jpg, .jpeg, .png or .webp file. Name the folder that holds the images.")
    for name in found:
        if fault := fault_of_id(name):
            raise InputError(f"{folder}: the file name {name!r} {fault}. Rename the file.")
    digests: dict[str, str] = {}
    quarantined: list[dict[str, str]] = []
    with (
        Progress("inspect images", len(found), "image") as progress,
        ThreadPoolExecutor(len(os.sched_getaffinity(0))) as executor,
    ):
        for (sample_id, uri), result in zip(found.items(), executor.map(_inspect, found.values()), strict=True):
            progress.advance()
            if isinstance(result, UnreadableImage):
                quarantined.append({"sample_id": sample_id, "uri": uri, "reason": str(result)})
            else:
                digests[sample_id] = result
    if len(quarantined) > max_unreadable_share * len(found):
        first = quarantined[0]
        raise InputError(
            f"{len(quarantined)} of {len(found)} images in {folder} cannot be read, more than the allowed share of "
            f"{max_unreadable_share:.0%}; first {first['sample_id']!r}: {first['reason']}. "
            "Replace them, or allow more with --max-unreadable."
        )
    return Samples({sample_id: found[sample_id] for sample_id in digests}, digests, quarantined)


def _inspect(uri: str) -> str | UnreadableImage:
    """The digest of a usable image, or why it is not usable."""
    try:
        data = read_image(uri)
        decode_image(data)
        return digest_of_bytes(data)
    except UnreadableImage as error:
        return error
