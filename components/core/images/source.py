"""Where image bytes come from: a file, an S3 object, or a part of one, by URI, from allowed sources, of limited size.

Image files share a folder, and each is named over HTTP by its path below it, for whoever serves and whoever links.
"""

import functools
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import quote

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import InputError, TransientError
from labelcycle.components.core.images.allowed_sources import allowed_image, allowed_sources, refuse_outside
from labelcycle.components.core.images.decode import CHANGED, UnreadableImage
from labelcycle.components.core.images.members import Stretch, TableRow, member_at
from labelcycle.components.core.logging.failures import MAY_PASS
from labelcycle.components.core.storage.objects import READS

MAX_BYTES = 200_000_000
"""Files larger than this are set aside unread."""


def read_image(uri: str, most_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of an image.

    Args:
        uri: a path, an address that begins with `s3://`, or the place of an image in such a file (`members`).
        most_bytes: larger images are not read.

    Raises:
        UnreadableImage: missing, no plain file, not allowed to be read, or larger than `most_bytes`.
        RefusedImage: neither a file nor in S3, or not from an allowed source (`allowed_sources`).
        ConfigurationError: S3 refuses the credentials, or has no such bucket.
        TransientError: S3 does not answer, or the disk fails.
    """
    with reasons(uri):
        address = allowed_image(uri)
        member = member_at(address)
        if isinstance(member, TableRow):
            from labelcycle.components.core.images.opened_rows import read_row

            return read_row(member, most_bytes)
        if isinstance(member, Stretch):
            return _read_stretch(member, uri, most_bytes)
        if address.startswith("s3://"):
            return _read_s3(address, most_bytes)
        descriptor, size = _open_plain(address, uri, most_bytes)
        try:
            return _read(descriptor, size)
        finally:
            os.close(descriptor)


@contextmanager
def reasons(uri: str) -> Iterator[None]:
    """Turn what reading an image may raise into a reason to set it aside, or an error.

    Raises:
        UnreadableImage, TransientError: as `read_image`.
    """
    try:
        yield
    except FileNotFoundError as error:
        missing = "no such object" if uri.startswith("s3://") else error.strerror
        raise UnreadableImage(f"cannot be read: {missing}") from error
    except OSError as error:
        if error.errno in MAY_PASS:
            raise TransientError(f"{uri} cannot be read now: {error.strerror}. Run the same command again.") from error
        raise UnreadableImage(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UnreadableImage(f"cannot be read: {error}") from error


def read_unchanged_image(uri: str, sha256: str) -> bytes:
    """The bytes of an image whose content must still be what it was when the campaign began.

    Raises:
        UnreadableImage: as `read_image`, and when the content has changed.
    """
    for _ in range(READS):
        data = read_image(uri)
        if digest_of_bytes(data) == sha256:
            return data
    raise UnreadableImage(f"its content {CHANGED} since the campaign began")


def open_plain(path: Path, uri: str, most_bytes: int | None = None) -> BinaryIO:
    """A plain file, opened for reading; whoever asks closes it.

    Args:
        path: the file, with links resolved where sources are named.
        uri: what led there, for messages.
        most_bytes: larger files are refused; None for any size.

    Raises:
        UnreadableImage: no plain file, or too large.
        RefusedImage: something that leads out of the allowed sources was put in its place.
        OSError, ValueError: it cannot be opened.
    """
    return open(_open_plain(path, uri, most_bytes)[0], "rb")  # noqa: PTH123


def _open_plain(path: str | Path, uri: str, most_bytes: int | None) -> tuple[int, int]:
    """As `open_plain`: the descriptor of the file, and its size."""
    _check_plain(os.stat(path), most_bytes)  # noqa: PTH116 (for each image)
    # Whatever was put in the file's place since must neither block nor be read.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        _check_plain(facts, most_bytes)
        if allowed_sources() is not None:
            opened = Path(f"/proc/self/fd/{descriptor}")
            if opened.is_symlink():
                refuse_outside(str(opened.readlink()), uri)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, facts.st_size


def _read(descriptor: int, size: int) -> bytes:
    """So many bytes of a file, or those that it has."""
    data = os.read(descriptor, size)
    if len(data) == size:
        return data
    parts = [data]
    while parts[-1] and (left := size - sum(map(len, parts))):
        parts.append(os.read(descriptor, left))
    return b"".join(parts)


def _check_plain(facts: os.stat_result, most_bytes: int | None) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableImage("cannot be read: not a plain file")
    if most_bytes is not None:
        check_size(facts.st_size, most_bytes)


def check_size(size: int, most_bytes: int) -> None:
    """Refuse an image of too many bytes.

    Raises:
        UnreadableImage: so it is.
    """
    if size > most_bytes:
        raise UnreadableImage(f"{size:,} bytes are more than the limit of {most_bytes:,}")


def _read_stretch(member: Stretch, uri: str, most_bytes: int) -> bytes:
    """The bytes of an image in an archive."""
    check_size(member.size, most_bytes)
    if member.file.startswith("s3://"):
        from labelcycle.components.core.storage.s3_ranges import ChangedObject, read_range

        try:
            data = read_range(image_client(), member.file, member.offset, member.size) if member.size else b""
        except ChangedObject as error:
            raise UnreadableImage(f"cannot be read: {error}") from error
    else:
        with open_plain(Path(member.file), uri) as file:
            file.seek(member.offset)
            data = file.read(member.size)
    if len(data) < member.size:
        raise UnreadableImage(f"cannot be read: the archive ends before the image does, or {CHANGED}")
    return data


def _read_s3(uri: str, most_bytes: int) -> bytes:
    from labelcycle.components.core.storage.s3 import read_s3_object
    from labelcycle.components.core.storage.s3_connection import split_s3_uri
    from labelcycle.components.core.storage.s3_failures import s3_errors

    def check(answer: dict[str, Any]) -> None:
        check_size(answer["ContentLength"], most_bytes)

    bucket, key = split_s3_uri(uri)
    with s3_errors(uri):
        return read_s3_object(image_client(), bucket, key, check)


@functools.cache
def image_client() -> Any:
    """The client of S3 that images are read with, made once."""
    from labelcycle.components.core.storage.s3_connection import s3_client

    return s3_client()


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
