"""A store under an S3 prefix.

Endpoint, region, credentials and addressing style come from the usual AWS settings (environment, profile, instance
role). With an endpoint of one's own (`AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3`) path-style addressing is used,
because few self-hosted servers answer to bucket names as host names; `AWS_S3_ADDRESSING_STYLE=virtual` asks for those.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, TransientError

MISSING = {"404", "NoSuchKey", "NotFound"}
TAKEN = {"412", "PreconditionFailed"}
REFUSED = {"403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}


def s3_client() -> Any:
    """A boto3 S3 client that honours the usual AWS settings and retries transient failures."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    style = os.environ.get("AWS_S3_ADDRESSING_STYLE") or ("path" if endpoint else "auto")
    settings = botocore.config.Config(retries={"mode": "standard", "max_attempts": 6}, s3={"addressing_style": style})
    return boto3.client("s3", config=settings)


def split_s3_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/some/prefix` → (`bucket`, `some/prefix`).

    Raises:
        ConfigurationError: the URI names no bucket.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise ConfigurationError(f"{uri!r} names no bucket. Write s3://bucket/prefix.")
    return bucket, prefix.strip("/")


@contextmanager
def s3_errors(address: str) -> Iterator[None]:
    """Turn boto3's errors about `address` into ours, each with its remedy; a missing object is FileNotFoundError."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in MISSING:
            raise FileNotFoundError(address) from error
        if code == "NoSuchBucket":
            raise ConfigurationError(f"The bucket of {address} does not exist. Create it, or correct its name.") from error
        if code in REFUSED:
            raise ConfigurationError(
                f"S3 refused {address} ({code}). Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy."
            ) from error
        raise TransientError(f"S3 failed on {address} ({code}): {error}. Run the same command again.") from error
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
        raise ConfigurationError(
            f"No credentials for {address}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role."
        ) from error
    except botocore.exceptions.BotoCoreError as error:
        raise TransientError(f"Cannot reach S3 for {address}: {error}. Check AWS_ENDPOINT_URL, run again.") from error


class S3Store:
    """Objects under `s3://bucket/prefix`. A conditional put (`If-None-Match: *`) lets one writer win."""

    def __init__(self, root: str, client: Any | None = None) -> None:
        self._bucket, self._prefix = split_s3_uri(root)
        self._root = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        self._client = client or s3_client()
        self._fetched = tempfile.TemporaryDirectory(prefix="labelcycle-s3-", ignore_cleanup_errors=True)

    @property
    def root(self) -> str:
        """The prefix as an `s3://` URI."""
        return self._root

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        with s3_errors(self.locate(key)):
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._name(key))["Body"].read()
            return body

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        with s3_errors(self.locate(key)):
            self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=data)

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`."""
        with s3_errors(self.locate(key)):
            try:
                self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=data, IfNoneMatch="*")
            except botocore.exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code", "") in TAKEN:
                    return False
                raise
        return True

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`: multipart above boto3's threshold."""
        with s3_errors(self.locate(key)):
            self._client.upload_file(str(path), self._bucket, self._name(key))

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`: a copy in a temporary folder that lives as long as this store."""
        path = Path(self._fetched.name) / digest_of_bytes(key.encode())
        with s3_errors(self.locate(key)):
            self._client.download_file(self._bucket, self._name(key), str(path))
        return path

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        try:
            with s3_errors(self.locate(key)):
                self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        except FileNotFoundError:
            return False
        return True

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        found: list[str] = []
        start = len(self._name(""))
        with s3_errors(self.locate(prefix)):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._name(prefix)):
                found.extend(item["Key"][start:] for item in page.get("Contents", []))
        return sorted(found)

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return f"{self._root}/{key}"

    def _name(self, key: str) -> str:
        if key.startswith("/") or ".." in PurePosixPath(key).parts:
            raise ConfigurationError(f"Key {key!r} would leave the campaign root {self._root}.")
        return f"{self._prefix}/{key}" if self._prefix else key
