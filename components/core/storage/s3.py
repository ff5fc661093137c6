"""A store under an S3 prefix.

boto3 sends a checksum with what it writes, and compares what it reads with the checksum that the server keeps. For a
server that refuses such requests, `AWS_REQUEST_CHECKSUM_CALCULATION=when_required` turns the first off.
"""

import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3.exceptions
import botocore.exceptions

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage.s3_connection import ATTEMPTS, s3_client, split_s3_uri
from labelcycle.components.core.storage.s3_failures import (
    DAMAGED,
    MISSING,
    NO_BUCKET,
    UNABLE,
    error_code,
    local_disk_errors,
    read_body,
    s3_errors,
    try_again,
    was_repeated,
)
from labelcycle.components.core.storage.store import checked_key, checked_prefix

CONFLICT = {"409", "ConditionalRequestConflict"}
TAKEN = {"412", "PreconditionFailed"}
WRITER = "labelcycle-writer"
"""The metadata of an object that names the call which created it."""


def read_s3_object(
    client: Any,
    bucket: str,
    name: str,
    check: Callable[[dict[str, Any]], None] = lambda answer: None,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """The content of an object, read again where it is torn or damaged on the way. Within `s3_errors`.

    Args:
        client: of boto3.
        bucket: where.
        name: the object's key in the bucket.
        check: looks at the answer before its body is read, and raises to refuse it.
        options: what else is said in the request, such as a range.
    """

    def read() -> bytes:
        answer = client.get_object(Bucket=bucket, Key=name, **(options or {}))
        with closing(answer["Body"]):
            check(answer)
            return read_body(answer)

    return try_again(read)


class S3Store:
    """Objects under `s3://bucket/prefix`. A conditional put (`If-None-Match: *`) lets one writer win.

    That it lets only one win is the server's promise. Amazon S3 keeps it. OpenStack Swift keeps it for writes one after
    another, not for two at the same instant.
    """

    def __init__(self, root: str, client: Any | None = None) -> None:
        self._bucket, self._prefix = split_s3_uri(root)
        self._root = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        self._client = client or s3_client()
        with local_disk_errors(self._root, tempfile.gettempdir()):
            self._fetched = Path(tempfile.mkdtemp(prefix="labelcycle-s3-"))
        self._conditions_hold = False
        weakref.finalize(self, shutil.rmtree, self._fetched, ignore_errors=True)

    @property
    def root(self) -> str:
        """The prefix as an `s3://` URI."""
        return self._root

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        with s3_errors(self.locate(key)):
            return read_s3_object(self._client, self._bucket, self._name(key))

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        with s3_errors(self.locate(key)):
            try_again(lambda: self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=data))

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`.

        Where the answer to the write is lost, the next one says that the key is taken. Each call therefore puts a name
        of its own into the object's metadata, and looks it up in that case.

        Raises:
            ConfigurationError: the server ignores the condition.
        """
        writer = uuid.uuid4().hex
        with s3_errors(self.locate(key)):
            created, perhaps = self._put_if_absent(key, data, writer)
            if created and not self._conditions_hold and self._put_if_absent(key, data, writer)[0]:
                raise ConfigurationError(
                    f"The server of {self.locate(key)} ignores conditional writes (If-None-Match), without which two "
                    "runs cannot be kept apart. Put the campaign on a server that has them."
                )
            self._conditions_hold = True
            return created or (perhaps and self._writer_of(key) == writer)

    def write_if_unchanged(self, key: str, data: bytes, before: bytes) -> bool:
        """See `Store.write_if_unchanged`: a conditional put (`If-Match`).

        A server that knows no such put is asked for a plain one. There, and where a server ignores the condition, a
        moment is left between reading and writing in which another may write.
        """
        try:
            with s3_errors(self.locate(key)):
                return self._put_if_unchanged(key, data, before)
        except FileNotFoundError:
            return False

    def _put_if_unchanged(self, key: str, data: bytes, before: bytes) -> bool:
        """One conditional put, or a plain one where the server has none."""
        tags: list[str] = []
        found = read_s3_object(self._client, self._bucket, self._name(key), lambda answer: tags.append(answer["ETag"]))
        if found != before:
            return False
        arguments = {"Bucket": self._bucket, "Key": self._name(key), "Body": data}
        try:
            self._client.put_object(**arguments, IfMatch=tags[-1])
        except botocore.exceptions.ClientError as error:
            if error_code(error) in TAKEN | CONFLICT:
                return False
            if error_code(error) not in UNABLE:
                raise
            self._client.put_object(**arguments)
        return True

    def _put_if_absent(self, key: str, data: bytes, writer: str) -> tuple[bool, bool]:
        """One conditional put: whether it created the object, and whether an earlier try of it perhaps did.

        Where S3 sees two at once it asks both to try again.
        """
        arguments = {"Bucket": self._bucket, "Key": self._name(key), "Body": data, "Metadata": {WRITER: writer}}
        perhaps = False
        for attempt in range(ATTEMPTS):
            try:
                self._client.put_object(**arguments, IfNoneMatch="*")
                return True, perhaps
            except botocore.exceptions.ClientError as error:
                perhaps = perhaps or was_repeated(error)
                if error_code(error) in TAKEN:
                    return False, perhaps
                if error_code(error) not in CONFLICT | DAMAGED or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _writer_of(self, key: str) -> str:
        """Which call created the object."""
        answer = self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        return str(answer.get("Metadata", {}).get(WRITER, ""))

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`: multipart above boto3's threshold. Parts of an upload that fails are cleared away."""
        address = self.locate(key)
        with s3_errors(address), local_disk_errors(address, str(path.parent)):
            try_again(lambda: self._upload(path, key))

    def _upload(self, path: Path, key: str) -> None:
        try:
            self._client.upload_file(str(path), self._bucket, self._name(key))
        except boto3.exceptions.S3UploadFailedError as error:
            raise error.__cause__ or error.__context__ or error from None

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`: a copy in a temporary folder that lives as long as this store."""
        path = self._fetched / digest_of_bytes(key.encode())
        address = self.locate(key)
        with s3_errors(address), local_disk_errors(address, str(self._fetched)), self._reasons():
            try_again(lambda: self._client.download_file(self._bucket, self._name(key), str(path)))
        return path

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        try:
            with s3_errors(self.locate(key)), self._reasons():
                self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        except FileNotFoundError:
            return False
        return True

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`. The empty objects that consoles make for folders are left out."""
        return sorted(self.written(prefix))

    def written(self, prefix: str) -> dict[str, float]:
        """See `Store.written`."""
        below = f"{self._prefix}/" if self._prefix else ""
        wanted = below + checked_prefix(prefix, self._root)
        with s3_errors(self.locate(prefix)):
            found = try_again(lambda: dict(self._list(wanted)))
        keys = ((name[len(below) :], when) for name, when in found.items())
        return {key: when for key, when in keys if key and not key.endswith("/")}

    def _list(self, prefix: str) -> Iterator[tuple[str, float]]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            yield from ((item["Key"], item["LastModified"].timestamp()) for item in page.get("Contents", []))

    def folders(self, prefix: str) -> list[str]:
        """See `Store.folders`."""
        wanted = f"{self._prefix}/{prefix}" if self._prefix else prefix
        checked_prefix(prefix, self._root)
        with s3_errors(self.locate(prefix)):
            found = try_again(lambda: list(self._list_folders(wanted)))
        return sorted(found)

    def _list_folders(self, prefix: str) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/"):
            yield from (item["Prefix"][len(prefix) : -1] for item in page.get("CommonPrefixes", []))

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return f"{self._root}/{key}"

    def _name(self, key: str) -> str:
        name = checked_key(key, self._root)
        return f"{self._prefix}/{name}" if self._prefix else name

    @contextmanager
    def _reasons(self) -> Iterator[None]:
        """Answers to HEAD requests are a status and nothing else; where a listing fails too, its error says why."""
        try:
            yield
        except botocore.exceptions.ClientError as error:
            if not error_code(error).isdigit():
                raise
            try:
                self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{self._prefix}/", MaxKeys=1)
            except botocore.exceptions.ClientError as reason:
                if error_code(error) not in MISSING or error_code(reason) in NO_BUCKET:
                    raise reason from error
            raise
