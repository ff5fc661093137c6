"""The image files of a folder or an `s3://` prefix, and what lies beside them that is passed over."""

import errno
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.images.allowed_sources import allowed_image, image_address
from labelcycle.components.core.images.decode import reads_heif
from labelcycle.components.core.images.endings import ALL_ENDINGS, COMMON_ENDINGS, HEIF_ENDINGS
from labelcycle.components.core.images.members import CONTAINERS

SHOWN = 8
"""Endings that a summary names."""

MANIFESTS = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""Files beside images that say more about them, as Hugging Face's image folders have them."""

COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
KINDS = (
    "Name a folder of images, a manifest of them (.csv, .jsonl or .parquet), or a file that holds them (.tar, .parquet "
    "or .arrow)."
)
"""What images are taken from, for messages."""

UNPACK = "compressed archives are not read: unpack them to .tar"


def image_endings() -> tuple[str, ...]:
    """The endings of image files that this installation reads, in lower case."""
    return ALL_ENDINGS if reads_heif() else COMMON_ENDINGS


@dataclass
class Listing:
    """What lies below a folder.

    Attributes:
        images: URI of each image file by id, sorted; the id is its path below the folder.
        containers: URI of each file that may hold images, by its path below the folder.
        folders: paths of the folders that were looked into; S3 has none.
        other_endings: how many files are passed over by their ending, in lower case; "" for none.
        hidden: files and folders whose names begin with a dot, which are passed over with all that is in them.
        linked_folders: links to folders that were not followed.
        broken_links: links to nothing.
        special_files: what is neither a file nor a folder, such as pipes and sockets.
        no_files: URI of each of these two that ends as an image does, by its path below the folder.
        manifest: the path below the folder of the first file that may be a manifest of its images; empty for none.
        compressed: whether an archive was passed over because it is compressed.
    """

    images: dict[str, str] = field(default_factory=dict)
    containers: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    other_endings: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    linked_folders: int = 0
    broken_links: int = 0
    special_files: int = 0
    no_files: dict[str, str] = field(default_factory=dict)
    manifest: str = ""
    compressed: bool = False

    @property
    def passed_over(self) -> str:
        """What is passed over, in words; empty where nothing is."""
        parts = []
        others = self.other_endings + Counter(map(_ending, self.containers))
        if others:
            counts = sorted(others.items(), key=lambda item: (-item[1], item[0]))
            endings = [f"{ending or 'no ending'} {count:,}" for ending, count in counts]
            more = ["…"] if len(endings) > SHOWN else []
            heif = " (.heic and .heif need pip install 'labelcycle[heif]')" if self._needs_heif else ""
            unpack = f" ({UNPACK})" if self.compressed else ""
            parts.append(f"files with other endings: {', '.join(endings[:SHOWN] + more)}{heif}{unpack}")
        if self.manifest:
            parts.append(f"{self.manifest}, which may be a manifest (--images DIR/{self.manifest} reads it)")
        if self.hidden:
            parts.append(f"hidden files and folders: {self.hidden:,}")
        if self.linked_folders:
            parts.append(f"linked folders: {self.linked_folders:,} (--follow-links reads them)")
        if self.broken_links:
            parts.append(f"links to nothing: {self.broken_links:,}")
        if self.special_files:
            parts.append(f"neither files nor folders: {self.special_files:,}")
        return "; ".join(parts)

    @property
    def _needs_heif(self) -> bool:
        return any(ending in self.other_endings for ending in HEIF_ENDINGS)

    def add(self, name: str, uri: str) -> None:
        """Add a file by its path below the folder: an image, one that may hold some, or one that is passed over."""
        if name.rpartition("/")[2].lower() in MANIFESTS:
            self.manifest = min(filter(None, (self.manifest, name)), key=lambda path: (path.count("/"), path))
        if name.lower().endswith(self._endings):
            self.images[name] = uri
        elif name.lower().endswith(CONTAINERS):
            self.containers[name] = uri
        else:
            self.other_endings[_ending(name)] += 1
            self.compressed = self.compressed or name.lower().endswith(COMPRESSED)

    def add_no_file(self, name: str, uri: str) -> None:
        """Add what cannot be read as a file: something special, or else a link to nothing."""
        if Path(uri).exists():
            self.special_files += 1
        else:
            self.broken_links += 1
        if name.lower().endswith(self._endings):
            self.no_files[name] = uri

    def __post_init__(self) -> None:
        self._endings = image_endings()


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def list_images(folder: str, follow_links: bool = False) -> Listing:
    """Look for image files, at any depth.

    A link to a file is the file that it leads to. A folder that is reached by links twice is listed once.

    Args:
        folder: a folder or `s3://` prefix.
        follow_links: whether folders that are links are looked into.

    Raises:
        RefusedImage: images do not come from there (`allowed_sources`).
        ConfigurationError: there is no such folder.

    Cost: one listing; memory for the names.
    """
    address = image_address(str(Path(folder).expanduser()) if folder.startswith("~") else folder)
    allowed_image(address)
    listing = Listing()
    if address.startswith("s3://"):
        _add_objects(listing, address)
    else:
        base = Path(address)
        if not base.is_dir():
            if base.name.lower().endswith(COMPRESSED):
                raise ConfigurationError(f"{base}: {UNPACK}.")
            if base.exists():
                raise ConfigurationError(f"{base} is not a folder, and no file of a kind that is taken. {KINDS}")
            raise ConfigurationError(f"{base} is not a folder. Name the folder that holds the images.")
        _add_files(listing, base, follow_links)
    listing.images = dict(sorted(listing.images.items()))
    return listing


def _add_objects(listing: Listing, address: str) -> None:
    from labelcycle.components.core.storage import open_store

    store = open_store(address)
    for key in store.keys(""):
        if any(part.startswith(".") for part in key.split("/")):
            listing.hidden += 1
        else:
            listing.add(key, store.locate(key))


def _add_files(listing: Listing, base: Path, follow_links: bool) -> None:
    seen = {_identity(base.stat())}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(f"{base}/{below}") as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                if entry.name.startswith("."):
                    listing.hidden += 1
                elif (kind := _kind_of(entry)) == "file":
                    listing.add(name, f"{base}/{name}")
                elif kind == "neither":
                    listing.add_no_file(name, f"{base}/{name}")
                elif entry.is_symlink() and not follow_links:
                    listing.linked_folders += 1
                elif (identity := _identity(entry.stat())) not in seen:
                    seen.add(identity)
                    listing.folders.append(name)
                    waiting.append(f"{name}/")


def _kind_of(entry: os.DirEntry[str]) -> Literal["folder", "file", "neither"]:
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "neither"
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return "neither"


def _identity(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino


def no_images(folder: str, listing: Listing) -> str:
    """What is wrong with a folder that holds no image, and the remedy, in words."""
    passed_over = f" Passed over: {listing.passed_over}." if listing.passed_over else ""
    return (
        f"{folder} holds no image ({', '.join(image_endings())}).{passed_over} Name the folder that holds the images."
    )
