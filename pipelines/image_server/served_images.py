"""Which files may be served: those that the campaign's pool table names, with the content that it had then."""

from dataclasses import dataclass
from urllib.parse import unquote

from labelcycle.components.core.campaign import Campaign, load_pool, sample_uris
from labelcycle.components.core.images.allowed_sources import allowed_image
from labelcycle.components.core.images.shared_folder import is_file, relative_address, shared_folder
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.components.core.storage import Store


@dataclass(frozen=True)
class ServedImages:
    """The image files of a pool.

    Attributes:
        folder: the folder that they share with the images that were set aside.
        digests: SHA-256 of each file's content, by its path below the folder.
    """

    folder: str
    digests: dict[str, str]

    def read(self, name: str) -> bytes:
        """The content of the image at this path below the folder.

        Content that has changed since the campaign began is not given out, so a link that was laid in a file's place
        leads nowhere.

        Raises:
            KeyError: the pool has no such file.
            UnreadableImage: the file is gone, may not be read, or has other content.
            RefusedImage: something that leads out of the allowed places was put where the file or its folder was.
        """
        return read_unchanged_image(f"{self.folder}/{name}", self.digests[name])


def served_images(store: Store, campaign: Campaign) -> ServedImages:
    """The image files that the campaign's pool table names.

    Raises:
        InputError: it names no files, because the images are in S3 or there are none.
        RefusedImage: a file does not lie in an allowed place (`allowed_sources`).

    Cost: reads the tables of the pool and of what was set aside; about 300 bytes of memory a file. Where places are
    named, looks at each file's path.
    """
    folder = shared_folder(sample_uris(store, campaign).values())
    pool = load_pool(store, campaign)
    digests: dict[str, str] = {}
    for uri, sha256 in zip(pool["uri"].to_pylist(), pool["sha256"].to_pylist(), strict=True):
        if is_file(uri):
            allowed_image(uri)
            digests[unquote(relative_address(uri, folder))] = sha256
    return ServedImages(folder, digests)
