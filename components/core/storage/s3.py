"""A store under an S3 prefix.

Endpoint, region, credentials and addressing style come from the usual AWS settings (environment, profile, instance
role). With an endpoint of one's own (`AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3`) path-style addressing is used,
because few self-hosted servers answer to bucket names as host names; `AWS_S3_ADDRESSING_STYLE=virtual` asks for those.
"""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3.exceptions
import boto3.session
import botocore.config
import botocore.exceptions

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage.store import checked_key, checked_prefix

CONNECT_SECONDS = 5
"""How long one connection may take to open; with ATTEMPTS, a wrong endpoint is reported within a minute."""

ATTEMPTS = 5
"""How often one request is tried, with botocore's growing pauses in between."""

MISSING = {"404", "NoSuchKey", "NotFound"}
CONFLICT = {"409", "ConditionalRequestConflict"}
TAKEN = {"412", "PreconditionFailed"}
NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
REFUSED = {"403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
REGION = {"301", "400", "AuthorizationHeaderMalformed", "PermanentRedirect"}
"""A bare 400 is among them: a listing finds the right region by itself, and then cannot tell what was wrong."""

CLOCK = {"RequestTimeTooSkewed"}
UNABLE = {"501", "NotImplemented"}


def s3_client() -> Any:
    """A boto3 S3 client that honours the usual AWS settings and retries transient failures.

    Each client has a session of its own, because boto3's default session must not make clients in several threads.

    Raises:
        ConfigurationError: the AWS settings name no usable endpoint, profile or style.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    style = os.environ.get("AWS_S3_ADDRESSING_STYLE") or ("path" if endpoint else "auto")
    try:
        settings = botocore.config.Config(
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=CONNECT_SECONDS,
            s3={"addressing_style": style},
        )
        return boto3.session.Session().client("s3", config=settings)
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"The AWS settings cannot be used: {error}. Correct AWS_ENDPOINT_URL, AWS_PROFILE or the setting named."
        ) from error


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
        code = _code(error)
        if code in MISSING:
            raise FileNotFoundError(address) from error
        refusal = _refusal(address, error)
        if refusal is not None:
            raise ConfigurationError(refusal) from error
        raise TransientError(f"S3 failed on {address} ({code}): {error}. Run the same command again.") from error
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
        raise ConfigurationError(
            f"No credentials for {address}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role."
        ) from error
    except botocore.exceptions.ParamValidationError as error:
        raise ConfigurationError(f"{address} is not an address that S3 can have: {error}. Correct it.") from error
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError) as error:
        raise TransientError(f"Cannot reach S3 for {address}: {error}. Check AWS_ENDPOINT_URL, run again.") from error


def _refusal(address: str, error: botocore.exceptions.ClientError) -> str | None:
    """What is wrong and what to do, for answers that trying again would not change; None for others."""
    code = _code(error)
    if code in NO_BUCKET:
        return f"There is no bucket for {address}. Create it, or correct its name."
    if code in REFUSED:
        return f"S3 refused {address} ({code}). Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket policy."
    words = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".") or "it does not say why"
    if code in REGION:
        return f"S3 refused {address} ({code}): {words}. Set AWS_DEFAULT_REGION to the region of the bucket."
    if code in CLOCK:
        return f"S3 refused {address} ({code}): {words}. Set this machine's clock, then run again."
    if code in UNABLE:
        return (
            f"The server of {address} cannot do what it was asked ({code}): {words}. Put the campaign on a server that "
            "has conditional writes (If-None-Match) and multipart uploads."
        )
    return None


class S3Store:
    """Objects under `s3://bucket/prefix`. A conditional put (`If-None-Match: *`) lets one writer win.

    That it lets only one win is the server's promise. Amazon S3 keeps it. OpenStack Swift keeps it for writes one after
    another, not for two at the same instant.
    """

    def __init__(self, root: str, client: Any | None = None) -> None:
        self._bucket, self._prefix = split_s3_uri(root)
        self._root = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        self._client = client or s3_client()
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
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._name(key))["Body"].read()
            return body

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        with s3_errors(self.locate(key)):
            self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=data)

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`.

        Raises:
            ConfigurationError: the server ignores the condition.
        """
        with s3_errors(self.locate(key)):
            created = self._put_if_absent(key, data)
            if created and not self._conditions_hold and self._put_if_absent(key, data):
                raise ConfigurationError(
                    f"The server of {self.locate(key)} ignores conditional writes (If-None-Match), without which two "
                    "runs cannot be kept apart. Put the campaign on a server that has them."
                )
        self._conditions_hold = True
        return created

    def _put_if_absent(self, key: str, data: bytes) -> bool:
        """One conditional put. Where S3 sees two at once it asks both to try again."""
        for attempt in range(ATTEMPTS):
            try:
                self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=data, IfNoneMatch="*")
                return True
            except botocore.exceptions.ClientError as error:
                if _code(error) in TAKEN:
                    return False
                if _code(error) not in CONFLICT or attempt == ATTEMPTS - 1:
                    raise
        return False

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`: multipart above boto3's threshold."""
        with s3_errors(self.locate(key)):
            try:
                self._client.upload_file(str(path), self._bucket, self._name(key))
            except boto3.exceptions.S3UploadFailedError as error:
                raise error.__cause__ or error.__context__ or error from None

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`: a copy in a temporary folder that lives as long as this store."""
        path = self._fetched / digest_of_bytes(key.encode())
        with s3_errors(self.locate(key)), self._reasons():
            self._client.download_file(self._bucket, self._name(key), str(path))
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
        found: list[str] = []
        below = f"{self._prefix}/" if self._prefix else ""
        with s3_errors(self.locate(prefix)):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=below + checked_prefix(prefix, self._root)):
                found.extend(item["Key"][len(below) :] for item in page.get("Contents", []))
        return sorted(key for key in found if key and not key.endswith("/"))

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
            if not _code(error).isdigit():
                raise
            try:
                self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{self._prefix}/", MaxKeys=1)
            except botocore.exceptions.ClientError as reason:
                if _code(error) not in MISSING or _code(reason) in NO_BUCKET:
                    raise reason from error
            raise


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
