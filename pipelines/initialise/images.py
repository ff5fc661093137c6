"""Samples from a folder of images: every file is read and decoded once, and set aside now if it cannot be used."""

import os
from concurrent.futures import ThreadPoolExecutor

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import InputError, printable
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.listing import list_images, no_images
from labelcycle.components.core.images.source import read_image
from labelcycle.components.core.runtime.observation import Progress, notice
from labelcycle.components.labelling.sample_ids import fault_of_id
from labelcycle.pipelines.initialise.samples import Samples


def samples_from_images(folder: str, max_unreadable_share: float, follow_links: bool = False) -> Samples:
    """Inspect all images below `folder` (or an `s3://` prefix); the id of a sample is its path below the folder.

    What cannot be read, or has a name that cannot be an id, is set aside; what is passed over is a notice.

    Args:
        folder: a folder or prefix.
        max_unreadable_share: of the images, so many may be set aside.
        follow_links: whether folders that are links are looked into.

    Raises:
        InputError: no images there, or too many that are set aside.

    Cost: one read and one decoding an image, by one thread a core; memory for one image a thread.
    """
    listing = list_images(folder, follow_links)
    if not listing.images:
        raise InputError(no_images(folder, listing))
    if passed_over := listing.passed_over:
        notice(f"{folder}: passed over {passed_over}.")
    faults = {name: fault for name in listing.images if (fault := fault_of_id(name))}
    found = {name: uri for name, uri in listing.images.items() if name not in faults}
    digests: dict[str, str] = {}
    quarantined = [
        {"sample_id": printable(name), "uri": printable(listing.images[name]), "reason": f"the file name {fault}"}
        for name, fault in faults.items()
    ]
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
    if len(quarantined) > max_unreadable_share * len(listing.images):
        first = quarantined[0]
        raise InputError(
            f"{len(quarantined)} of {len(listing.images)} images in {folder} cannot be read, more than the allowed "
            f"share of {max_unreadable_share:.0%}; first {first['sample_id']!r}: {first['reason']}. "
            "Replace them, or allow more with --max-unreadable."
        )
    if copies := _copies(digests):
        name, original = next(iter(copies.items()))
        notice(
            f"{folder}: {len(copies):,} of {len(digests):,} images are copies of others, first {name!r} of "
            f"{original!r}. Each is a sample of its own."
        )
    return Samples({sample_id: found[sample_id] for sample_id in digests}, digests, quarantined)


def _copies(digests: dict[str, str]) -> dict[str, str]:
    """The first sample with the same content, by id, of each that is a copy."""
    first: dict[str, str] = {}
    return {name: first[digest] for name, digest in digests.items() if first.setdefault(digest, name) != name}


def _inspect(uri: str) -> str | UnreadableImage:
    """The digest of a usable image, or why it is not usable."""
    try:
        data = read_image(uri)
        decode_image(data)
        return digest_of_bytes(data)
    except UnreadableImage as error:
        return error
