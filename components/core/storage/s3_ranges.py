"""Objects of S3 as files that are read by ranges, so that a part of a large object is read without the rest."""

import io
from typing import Any

import botocore.exceptions

from labelcycle.components.core.storage.s3 import read_s3_object
from labelcycle.components.core.storage.s3_connection import split_s3_uri
from labelcycle.components.core.storage.s3_failures import error_code, s3_errors

CHANGED = {"412", "PreconditionFailed"}
BEYOND = {"416", "InvalidRange"}


class ChangedObject(Exception):
    """The object is another one than when it was opened, or ends before the range."""


def read_range(client: Any, uri: str, offset: int, size: int, etag: str | None = None) -> bytes:
    """Bytes of an object.

    Args:
        client: of boto3.
        uri: `s3://bucket/key`.
        offset: of the first byte, from 0.
        size: how many, one or more; fewer come where the object ends before.
        etag: which the object must still have.

    Raises:
        FileNotFoundError: there is no such object.
        ChangedObject: it has another etag, or ends before the first byte.
        ConfigurationError, TransientError: as `s3_errors`.
    """
    bucket, key = split_s3_uri(uri)
    options = {"Range": f"bytes={offset}-{offset + size - 1}"} | ({"IfMatch": etag} if etag else {})
    with s3_errors(uri):
        try:
            return read_s3_object(client, bucket, key, options=options)
        except botocore.exceptions.ClientError as error:
            if error_code(error) in CHANGED | BEYOND:
                raise ChangedObject(f"{uri} has changed, or ends before byte {offset:,}") from error
            raise


class S3File(io.RawIOBase):
    """An object, opened for reading. Every read is a request, so readers should ask for much at a time."""

    def __init__(self, client: Any, uri: str) -> None:
        """Look the object up.

        Raises:
            FileNotFoundError: there is none.
        """
        super().__init__()
        self._client, self._uri, self._position = client, uri, 0
        bucket, key = split_s3_uri(uri)
        with s3_errors(uri):
            answer = client.head_object(Bucket=bucket, Key=key)
        self.size = int(answer["ContentLength"])
        self.etag = str(answer["ETag"])

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def seekable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def tell(self) -> int:
        """See `io.IOBase`."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `io.IOBase`."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`."""
        size = min(len(buffer), self.size - self._position)
        if size <= 0:
            return 0
        data = read_range(self._client, self._uri, self._position, size, self.etag)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
