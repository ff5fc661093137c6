"""Clients of S3, and what they are told by the environment.

Endpoint, region, credentials and addressing style come from the usual AWS settings (environment, profile, instance
role), or from labelcycle's own where they are given. With an endpoint of one's own (`AWS_ENDPOINT_URL` or
`AWS_ENDPOINT_URL_S3`) path-style addressing is used, because few self-hosted servers answer to bucket names as host
names; `AWS_S3_ADDRESSING_STYLE=virtual` asks for those.

A request waits CONNECT_SECONDS for a connection and READ_SECONDS for the next byte, and is made ATTEMPTS times with
botocore's pauses in between: a server that never answers times out after seven minutes at most. Only a server that
goes on sending, however slowly, is waited for without end.
"""

import functools
import os
from typing import Any

import boto3.session
import botocore.config
import botocore.exceptions

from labelcycle.components.core.config.environment import PREFIXES, own_value
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage.store import Traffic, count

CONNECT_SECONDS = 5
"""How long one connection may take to open; with ATTEMPTS, a wrong endpoint is reported within a minute."""

READ_SECONDS = 60
"""How long an answer may stand still."""

ATTEMPTS = 5
"""How often one request is tried, with botocore's growing pauses (20 seconds at most) in between."""


def s3_settings() -> list[tuple[str, str]]:
    """All that a client may depend on, in an order that is always the same."""
    return sorted(item for item in os.environ.items() if item[0].startswith(("AWS_", PREFIXES["AWS_"])))


def s3_endpoint() -> str | None:
    """The server's address; None for Amazon's."""
    own = own_value("AWS_ENDPOINT_URL")
    return own or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def new_s3_client(settings: Any, endpoint: str | None = None) -> Any:
    """A client of a session of its own, because boto3's default one is for a single thread.

    Args:
        settings: a `botocore.config.Config`.
        endpoint: another address than the environment's.

    Raises:
        botocore.exceptions.BotoCoreError, ValueError: the settings cannot be used.
    """
    session = boto3.session.Session(
        aws_access_key_id=own_value("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=own_value("AWS_SECRET_ACCESS_KEY"),
        region_name=own_value("AWS_DEFAULT_REGION"),
    )
    return session.client("s3", config=settings, endpoint_url=endpoint or own_value("AWS_ENDPOINT_URL"))


def s3_client() -> Any:
    """A boto3 S3 client that honours the usual AWS settings and retries transient failures.

    labelcycle's own names of these settings outrank them, where a platform needs the usual ones for itself
    (`core.config.environment`). Clients are good for several threads and take long to make, so each
    process keeps one for the settings that it has.

    Raises:
        ConfigurationError: the AWS settings name no usable endpoint, profile or style.
    """
    return _client_with(os.getpid(), *s3_settings())


@functools.lru_cache(maxsize=4)
def _client_with(process: int, *settings: tuple[str, str]) -> Any:
    """The client of this process for these settings of the environment; connections are not taken over by forks."""
    return s3_client_that_waits(ATTEMPTS, READ_SECONDS)


def s3_client_that_waits(attempts: int, read_seconds: float) -> Any:
    """A new client with the same settings as `s3_client`, and a patience of its own.

    Args:
        attempts: how often one request is tried.
        read_seconds: how long an answer may stand still.

    Raises:
        ConfigurationError: the AWS settings name no usable endpoint, profile or style.
    """
    style = os.environ.get("AWS_S3_ADDRESSING_STYLE") or ("path" if s3_endpoint() else "auto")
    try:
        settings = botocore.config.Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            s3={"addressing_style": style},
        )
        client = new_s3_client(settings)
        client.meta.events.register("before-send.s3", _count_request)
        return client
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"The AWS settings cannot be used: {error}. Correct AWS_ENDPOINT_URL, AWS_PROFILE or the setting named."
        ) from error


def _count_request(**request: Any) -> None:
    """Called for each request that is sent; what it returned would stand for the answer."""
    count(Traffic(requests=1))


def split_s3_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/some/prefix` → (`bucket`, `some/prefix`).

    Raises:
        ConfigurationError: the URI names no bucket.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise ConfigurationError(f"{uri!r} names no bucket. Write s3://bucket/prefix.")
    return bucket, prefix.strip("/")
