"""Addresses under which a labelling tool's users see the pool's images in their browsers."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labelcycle.components.core.config.labelling import LabelStudioTool
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.images.allowed_sources import RefusedImage, allowed_image, image_address
from labelcycle.components.core.images.members import member_at
from labelcycle.components.core.images.source import relative_address, shared_folder
from labelcycle.components.labelling.label_studio.annotations import moment

SECONDS_AN_HOUR = 3600

CLOCKS_APART = timedelta(minutes=5)
"""Machines' clocks that are no further apart are taken for one."""


@dataclass(frozen=True)
class Link:
    """An address for browsers.

    Attributes:
        address: http or https.
        until: when it ceases to hold, ISO 8601 in UTC; empty for one that does not.
    """

    address: str
    until: str


class ImageLinks:
    """Makes links to the images of one pool.

    Args:
        tool: says how links are made, and how long those into S3 hold.
        uris: the address of every sample of the pool, by id; None for samples without image.
    """

    def __init__(self, tool: LabelStudioTool, uris: Mapping[str, str | None]) -> None:
        self._tool = tool
        self._uris = uris

    def link(self, sample_id: str) -> Link:
        """A link to the sample's image; one into S3 is signed again at each call.

        Raises:
            ConfigurationError: the sample has no image, or one that is neither a file nor in S3, or one whose place is
                not allowed (`allowed_sources`).
        """
        uri = self._uris.get(sample_id)
        if uri is None:
            raise ConfigurationError(
                f"Sample {sample_id!r} has no image to show in Label Studio. Start the campaign with --images, or "
                "without a labelling tool: labels then come from files."
            )
        try:
            allowed_image(uri)
            address = image_address(uri)
        except (RefusedImage, ValueError) as error:
            raise ConfigurationError(f"The image of sample {sample_id!r} is not shown. {error}") from error
        if address.startswith("s3://"):
            if (member := member_at(address)) is not None:
                raise ConfigurationError(
                    f"The image of sample {sample_id!r} lies within {member.file}, of which no link shows a part. Copy "
                    "that file to a folder and serve it (labelcycle images), or store its images one by one."
                )
            return self._presigned(address)
        return Link(f"{self._image_server(address)}/{relative_address(address, self._folder)}", "")

    def runs_out(self, until: str, now: datetime) -> bool:
        """Whether a link that holds `until` then is to be renewed.

        It is where less than a quarter of its time is left, and where it claims more time than links have: then the
        clock that signed it was ahead, and it may be over already.
        """
        if not until:
            return False
        lasts = timedelta(hours=self._tool.link_hours)
        return not now + lasts / 4 <= moment(until) <= now + lasts + CLOCKS_APART

    def _image_server(self, path: str) -> str:
        if self._tool.image_server is None:
            raise ConfigurationError(
                f"{path} is a file, which browsers cannot open. Serve the images (labelcycle images) and begin a "
                "campaign with --image-server, or put them into S3."
            )
        return self._tool.image_server

    @functools.cached_property
    def _folder(self) -> str:
        return shared_folder(
            uri if uri.startswith("/") else image_address(uri)
            for uri in self._uris.values()
            if uri is not None and uri.startswith(("/", "file://"))
        )

    def _presigned(self, uri: str) -> Link:
        from labelcycle.components.core.storage.s3_connection import split_s3_uri
        from labelcycle.components.core.storage.s3_failures import s3_errors

        if self._tool.images != "presigned":
            raise ConfigurationError(
                f"{uri} is in S3, where browsers need signed links. Start a campaign with --image-links presigned."
            )
        bucket, key = split_s3_uri(uri)
        seconds = int(self._tool.link_hours * SECONDS_AN_HOUR)
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
        with s3_errors(uri):
            client, parameters = signing_client(self._tool.image_endpoint), {"Bucket": bucket, "Key": key}
            address: str = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return Link(address, until.isoformat())


@functools.cache
def signing_client(endpoint: str | None) -> Any:
    """The store's client, for another `endpoint` than the runs' own where one is given.

    It signs by version 4; for addresses botocore still prefers 2, which few servers take.
    """
    import botocore.config

    from labelcycle.components.core.storage.s3_connection import new_s3_client, s3_client

    settings = s3_client().meta.config.merge(botocore.config.Config(signature_version="s3v4"))
    return new_s3_client(settings, endpoint)
