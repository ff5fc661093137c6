"""Names of images in the addresses that labelling tools and browsers use."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""The sign that Label Studio puts before the name of an image that was uploaded to it."""


def name_of_image(address: str) -> str:
    """What a sample is called whose image has this address: the file's name, or the address where it is in S3.

    Names of uploads lose the sign that Label Studio puts before them, such as in `/data/upload/3/0a1b2c3d-cat.png`.
    """
    if address.startswith("s3://"):
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    if (path := _local_file(address)) is not None:
        return path
    name = unquote(parts.path).rstrip("/").rpartition("/")[2]
    return _UPLOAD.sub("", name) if "/data/upload/" in parts.path else name


def path_in_address(address: str) -> str | None:
    """The path that an address names, behind the host or in Label Studio's `?d=`; None where the text is no address.

    Unlike `name_of_image` it keeps the folders, by which images of one name are told apart.
    """
    if (path := _local_file(address)) is not None:
        return path
    if not address.startswith(("http://", "https://")):
        return None
    try:
        return unquote(urlsplit(address).path).strip("/") or None
    except ValueError:
        return None


def name_of_upload(path: str) -> str | None:
    """The name that an image had before it was uploaded to Label Studio; None where this is no such upload's.

    Args:
        path: the file in Label Studio, such as `/data/upload/3/0a1b2c3d-cat.png` or `images/0a1b2c3d-cat.png`.
    """
    name = path.rpartition("/")[2]
    plain = _UPLOAD.sub("", name)
    return plain if plain != name else None


def _local_file(address: str) -> str | None:
    """The path below its document root that Label Studio names as `/data/local-files/?d=path`."""
    if "?" not in address:
        return None
    try:
        parts = urlsplit(address)
        return parse_qs(parts.query)["d"][0] if "local-files" in parts.path or not parts.path else None
    except (ValueError, KeyError):
        return None
