"""The folder that a campaign's image files share, and where each lies below it: how files are named over HTTP.

Whoever serves the files and whoever links to them follow this rule, so that both mean the same file.
"""

import os
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import quote

from labelcycle.components.core.errors import InputError


def is_file(uri: str | None) -> bool:
    """Whether an image's address is a path on this machine, rather than S3's or none."""
    return uri is not None and uri.startswith("/")


def shared_folder(uris: Iterable[str | None]) -> str:
    """The deepest folder that holds all image files of a campaign.

    Args:
        uris: the addresses of all its samples (`sample_uris`); what is not a file is passed over.

    Raises:
        InputError: none is a file.

    Cost: O(files).
    """
    folders = {os.path.dirname(uri) for uri in uris if uri is not None and is_file(uri)}  # noqa: PTH120
    if not folders:
        raise InputError(
            "No image of this campaign is a file, so there is no folder to name them by. Images in S3 are shown by "
            "presigned links; a pool of embeddings has no images."
        )
    return os.path.commonpath(folders)


def relative_address(uri: str, folder: str) -> str:
    """Where an image lies below the shared folder, quoted for a URL: `/data/cats/a b.png` → `cats/a%20b.png`.

    Args:
        uri: an image file's path.
        folder: what `shared_folder` gave for its campaign.

    Raises:
        InputError: the image is not below the folder.
    """
    try:
        below = PurePosixPath(uri).relative_to(folder)
    except ValueError as error:
        raise InputError(f"{uri} does not lie below {folder}, the folder of the campaign's images.") from error
    return quote(str(below))
