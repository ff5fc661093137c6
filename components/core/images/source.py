"""Where image bytes come from: a local file or an S3 object, by URI, within a limit of size."""

import functools
import stat
from pathlib import Path
from typing import Any

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.images.decode import UnreadableImage

MAX_BYTES = 200_000_000
"""Files larger than this are set aside unread."""


def read_image(uri: str) -> bytes:
    """The bytes of an image.

    Raises:
        UnreadableImage: missing, no plain file, not allowed to be read, or larger than MAX_BYTES.
        ConfigurationError: S3 refuses the credentials, or has no such bucket.
        TransientError: S3 does not answer.
    """
    if uri.startswith("s3://"):
        return _read_s3(uri)
    path = Path(uri)
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise UnreadableImage("cannot be read: not a plain file")
        if facts.st_size > MAX_BYTES:
            raise UnreadableImage(f"{facts.st_size:,} bytes are more than the limit of {MAX_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UnreadableImage(f"cannot be read: {error}") from error


def read_unchanged_image(uri: str, sha256: str) -> bytes:
    """The bytes of an image whose content must still be what it was when the campaign began.

    Raises:
        UnreadableImage: as `read_image`, and when the content has changed.
    """
    data = read_image(uri)
    if digest_of_bytes(data) != sha256:
        raise UnreadableImage("its content has changed since the campaign began")
    return data


def _read_s3(uri: str) -> bytes:
    from labelcycle.components.core.storage.s3 import s3_errors, split_s3_uri

    bucket, key = split_s3_uri(uri)
    try:
        with s3_errors(uri):
            answer = _client().get_object(Bucket=bucket, Key=key)
            if answer["ContentLength"] > MAX_BYTES:
                raise UnreadableImage(f"{answer['ContentLength']:,} bytes are more than the limit of {MAX_BYTES:,}")
            body: bytes = answer["Body"].read()
            return body
    except FileNotFoundError as error:
        raise UnreadableImage("cannot be read: no such object") from error


@functools.cache
def _client() -> Any:
    from labelcycle.components.core.storage.s3 import s3_client

    return s3_client()


def list_images(folder: str, endings: tuple[str, ...] = (".jpg", ".jpeg", ".png", ".webp")) -> dict[str, str]:
    """All image files below a folder or `s3://` prefix: URI by id; the id is the path below the folder.

    Raises:
        ConfigurationError: there is no such folder.
    """
    if folder.startswith("s3://"):
        from labelcycle.components.core.storage import open_store

        store = open_store(folder)
        found = {key: store.locate(key) for key in store.keys("")}
    else:
        base = Path(folder).expanduser().absolute()
        if not base.is_dir():
            raise ConfigurationError(f"{base} is not a folder. Name the folder that holds the images.")
        found = {path.relative_to(base).as_posix(): str(path) for path in base.rglob("*") if path.is_file()}
    return {name: found[name] for name in sorted(found) if name.lower().endswith(endings)}
