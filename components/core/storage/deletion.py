"""Listing what a root holds with sizes and ages, and deleting it: for `labelcycle prune` and `amend --erase`.

The stores that stages work with cannot delete.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage.folder import UNFINISHED, folder_errors
from labelcycle.components.core.storage.open import open_store
from labelcycle.components.core.storage.s3_connection import s3_client, split_s3_uri
from labelcycle.components.core.storage.s3_failures import REFUSED, s3_errors, try_again

AT_ONCE = 1000
"""Keys that one request to S3 may delete."""


@dataclass(frozen=True)
class StoredObject:
    """An object, or what a killed writer has left of one.

    Attributes:
        key: below the root.
        size: bytes; 0 for an upload in parts, whose size no listing says.
        modified: when it was last written, or an upload began, in seconds since 1970.
        upload: the identifier of an upload in parts that was never finished; empty for everything else.
    """

    key: str
    size: int
    modified: float
    upload: str = ""


class Deleter(Protocol):
    """Lists and deletes below one root."""

    def objects(self, prefix: str) -> list[StoredObject]:
        """Objects whose keys start with the prefix, sorted by key; unfinished writes are not among them."""
        ...

    def unfinished(self) -> list[StoredObject]:
        """What writers that were killed, or are still at work, have of objects that do not exist yet."""
        ...

    def delete(self, objects: Sequence[StoredObject]) -> None:
        """Delete in this order; what is gone already is no error.

        Raises:
            ConfigurationError: there is no right to delete.
            TransientError: some could not be deleted.
        """
        ...


def open_deleter(root: str) -> Deleter:
    """The deleter of a root, a folder or an S3 prefix.

    Raises:
        ConfigurationError: the root is of neither kind.
    """
    address = open_store(root).root
    return S3Deleter(address) if address.startswith("s3://") else FolderDeleter(Path(address))


class FolderDeleter:
    """Deletes files, and the folders that are empty then."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def objects(self, prefix: str) -> list[StoredObject]:
        """See `Deleter.objects`."""
        return [found for found in self._files() if found.key.startswith(prefix) and UNFINISHED not in found.key]

    def unfinished(self) -> list[StoredObject]:
        """See `Deleter.unfinished`."""
        return [found for found in self._files() if UNFINISHED in found.key]

    def delete(self, objects: Sequence[StoredObject]) -> None:
        """See `Deleter.delete`."""
        for found in objects:
            path = self._root / found.key
            with folder_errors("write", path):
                path.unlink(missing_ok=True)
                self._remove_empty(path.parent)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._root and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _files(self) -> list[StoredObject]:
        return sorted(self._walk(), key=lambda found: found.key)

    def _walk(self) -> Iterator[StoredObject]:
        with folder_errors("read", self._root):
            for folder, _, names in os.walk(self._root):
                for name in names:
                    path = Path(folder, name)
                    status = path.lstat()
                    yield StoredObject(path.relative_to(self._root).as_posix(), status.st_size, status.st_mtime)


class S3Deleter:
    """Deletes objects under an S3 prefix, a thousand a request, and ends uploads in parts."""

    def __init__(self, root: str, client: Any | None = None) -> None:
        self._bucket, prefix = split_s3_uri(root)
        self._below = f"{prefix}/" if prefix else ""
        self._root, self._client = root, client or s3_client()

    def objects(self, prefix: str) -> list[StoredObject]:
        """See `Deleter.objects`."""
        with s3_errors(f"{self._root}/{prefix}"):
            return try_again(lambda: list(self._list(prefix)))

    def _list(self, prefix: str) -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._below + prefix):
            for item in page.get("Contents", []):
                key = item["Key"].removeprefix(self._below)
                if key and not key.endswith("/"):
                    yield StoredObject(key, item["Size"], item["LastModified"].timestamp())

    def unfinished(self) -> list[StoredObject]:
        """See `Deleter.unfinished`."""
        with s3_errors(self._root):
            return try_again(lambda: list(self._list_uploads()))

    def _list_uploads(self) -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._below):
            for item in page.get("Uploads", []):
                key, begun = item["Key"].removeprefix(self._below), item["Initiated"].timestamp()
                yield StoredObject(key, 0, begun, upload=item["UploadId"])

    def delete(self, objects: Sequence[StoredObject]) -> None:
        """See `Deleter.delete`."""
        keys = [{"Key": self._below + found.key} for found in objects if not found.upload]
        for first in range(0, len(keys), AT_ONCE):
            self._delete(keys[first : first + AT_ONCE])
        for found in objects:
            if found.upload:
                name = self._below + found.key
                with s3_errors(f"{self._root}/{found.key}"):
                    self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=found.upload)

    def _delete(self, keys: list[dict[str, str]]) -> None:
        request = {"Objects": keys, "Quiet": True}
        with s3_errors(self._root):
            answer = try_again(lambda: self._client.delete_objects(Bucket=self._bucket, Delete=request))
        errors = answer.get("Errors", [])
        if not errors:
            return
        what = (
            f"{len(errors)} of {len(keys)} objects under {self._root} could not be deleted, first {errors[0]['Key']}: "
            f"{errors[0].get('Message') or errors[0].get('Code')}."
        )
        if errors[0].get("Code") in REFUSED:
            raise ConfigurationError(f"{what} Grant s3:DeleteObject to the user that prunes, then run it again.")
        raise TransientError(f"{what} Run the same command again.")
