"""Which settings an S3 client takes: labelcycle's own where they are given, else the usual ones of AWS."""

import os
from typing import Any

import boto3.session

from labelcycle.components.core.own_names import PREFIXES, own_value


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
