"""Which sources images may come from: files and S3 alone and, where it is said, only certain folders and prefixes.

Addresses of images are data: they stand in pool tables and in lists that people hand over. Each is held against this
rule before a byte is read, a link signed or a file served, so that no address makes a pod call another host or open a
file that is none of its business.

`LABELCYCLE_IMAGE_SOURCES` names the sources: absolute folders and `s3://bucket/prefix`, separated by commas. Unset or
empty it allows every file and every bucket that the process may read. Symbolic links and `..` in paths are resolved
first. Then sources are compared as they are written, part by part: `s3://images` allows neither `s3://images-2` nor
`s3://Images`.
"""

import functools
import os
import re
from pathlib import Path
from urllib.parse import unquote

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.images.members import file_of

VARIABLE = "LABELCYCLE_IMAGE_SOURCES"

SHOWN = 120
"""How much of an address a message repeats; `data:` addresses may be as long as an image."""


_PLAIN = re.compile(r"(?:/(?!/|\.?(?:/|$))[^/]*)+", re.DOTALL)
"""Absolute paths without empty parts or `.`, as most are, to which nothing is to be done."""


class RefusedImage(ConfigurationError):
    """An image must not be read, because of where it lies."""


def image_address(uri: str) -> str:
    """The address in its one form: an absolute path, in which `..` and links may be left, or `s3://bucket/key`.

    Args:
        uri: a path, `file:///path` (percent-encoded) or `s3://bucket/key` (as it is: S3 keys are not encoded).

    Raises:
        RefusedImage: another scheme, a file of another host, or a key that stores could take for another one.
    """
    if _PLAIN.fullmatch(uri):
        return uri
    if uri.startswith("s3://"):
        return _object(uri)
    if uri.startswith("file://"):
        path = unquote(uri.removeprefix("file://").removeprefix("localhost"))
        if not path.startswith("/"):
            raise RefusedImage(
                f"{_shown(uri)} is a file of another host, and no host is asked for images. Mount the folder here and "
                "name the file by its path."
            )
        return path
    scheme = re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]*):", uri)
    if scheme is not None:
        raise RefusedImage(
            f"{_shown(uri)} is no address of an image: {scheme.group(1)}: is never fetched, only files and s3:// are "
            "read. Copy the image into a folder or a bucket; a file that is called so is named by its whole path."
        )
    return str(Path(uri).absolute())


def allowed_image(uri: str) -> str:
    """The address, if images may come from there; where sources are named, with links and `..` resolved.

    Args:
        uri: as for `image_address`, also of an image in another file (`members`), or a folder or prefix of images.

    Returns:
        An absolute path or `s3://bucket/key`, to be opened as it is.

    Raises:
        RefusedImage: as `image_address`, and where `LABELCYCLE_IMAGE_SOURCES` does not name the source.
        ConfigurationError: the variable holds something other than folders and S3 prefixes.
        ValueError: no file can have this path.
    """
    address = image_address(uri)
    sources = allowed_sources()
    if sources is None:
        return address
    file = file_of(address)
    found = file if file.startswith("s3://") else os.path.realpath(file)
    refuse_outside(found, uri)
    return found + address[len(file) :]


def refuse_outside(found: str, uri: str) -> None:
    """Refuse a source that is not below one of those that are allowed.

    Args:
        found: the source with nothing left to resolve.
        uri: what led there, for the message.

    Raises:
        RefusedImage: it is not.
    """
    sources = allowed_sources()
    if sources is None or any(_is_below(found, source) for source in sources):
        return
    leads = "" if found == uri else f", which leads to {_shown(found)},"
    raise RefusedImage(
        f"The image {_shown(uri)}{leads} is not from an allowed source. Add its folder or prefix to {VARIABLE} (now: "
        f"{', '.join(sources)}), or leave it out."
    )


def allowed_sources() -> tuple[str, ...] | None:
    """The sources that the environment names, resolved; None where every file and every bucket is allowed.

    Raises:
        ConfigurationError: the variable is refused.
    """
    text = os.environ.get(VARIABLE, "")
    return _places(text) if text else None


@functools.cache
def _places(text: str) -> tuple[str, ...]:
    named = [source.strip() for source in text.split(",") if source.strip()]
    if not named:
        raise ConfigurationError(f"{VARIABLE} is {text!r}, which names no source. Name folders or s3:// prefixes.")
    return tuple(_resolved_source(source) for source in named)


def _resolved_source(source: str) -> str:
    if source.startswith("s3://"):
        try:
            return _object(source).rstrip("/")
        except ConfigurationError as error:
            raise ConfigurationError(f"{VARIABLE} names {source!r}: {error}") from error
    if not Path(source).is_absolute():
        raise ConfigurationError(
            f"{VARIABLE} names {source!r}, which is neither an absolute folder nor s3://bucket/prefix. Correct it."
        )
    return os.path.realpath(source)


def _object(uri: str) -> str:
    """`s3://bucket/key` as it is asked for: without slashes around the key."""
    from labelcycle.components.core.storage.s3_connection import split_s3_uri

    bucket, key = split_s3_uri(uri)
    if {".", ".."} & set(key.split("/")):
        raise RefusedImage(
            f"{_shown(uri)} has a part . or .., which S3 takes for a name and servers before it for a way up. Name the "
            "object by its own key."
        )
    return f"s3://{bucket}/{key}" if key else f"s3://{bucket}"


def _is_below(found: str, source: str) -> bool:
    return found == source or found.startswith(source.rstrip("/") + "/")


def _shown(uri: str) -> str:
    """An address for messages: without password and query where it is a server's, and not endless."""
    if "://" in uri and not uri.startswith(("s3://", "file://")):
        uri = re.sub(r"//[^/@]*@", "//…@", uri).split("?")[0]
    return repr(uri if len(uri) <= SHOWN else uri[:SHOWN] + "…")
