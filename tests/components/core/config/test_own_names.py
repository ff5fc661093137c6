"""Settings under labelcycle's own names: what they stand for, and that they outrank the platform's in our S3 client."""

from collections.abc import Iterator

import pytest

from labelcycle.components.core.config.environment import own_name
from labelcycle.components.core.storage.s3_connection import s3_client
from labelcycle.components.labelling.label_studio.image_links import signing_client

OURS = {
    "LABELCYCLE_STORAGE_AWS_ACCESS_KEY_ID": "ours",
    "LABELCYCLE_STORAGE_AWS_SECRET_ACCESS_KEY": "our-secret",
    "LABELCYCLE_STORAGE_AWS_ENDPOINT_URL": "http://store.example:9000",
    "LABELCYCLE_STORAGE_AWS_DEFAULT_REGION": "eu-north-1",
}
PLATFORMS = {
    "AWS_ACCESS_KEY_ID": "of-the-platform",
    "AWS_SECRET_ACCESS_KEY": "its-secret",
    "AWS_ENDPOINT_URL": "http://platform.example:9000",
    "AWS_DEFAULT_REGION": "us-west-2",
}


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment in which the platform has settings of its own."""
    for name, value in PLATFORMS.items():
        monkeypatch.setenv(name, value)
    signing_client.cache_clear()
    yield
    signing_client.cache_clear()


def used() -> list[tuple[str, str, str, str]]:
    """Key, address, region and way of addressing buckets, of the store's client and of the one that signs links."""
    return [
        (
            client._request_signer._credentials.access_key,
            client.meta.endpoint_url,
            client.meta.region_name,
            client.meta.config.s3["addressing_style"],
        )
        for client in (s3_client(), signing_client(None))
    ]


def test_ours_outrank_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    assert used() == [("of-the-platform", "http://platform.example:9000", "us-west-2", "path")] * 2
    signing_client.cache_clear()
    for name, value in OURS.items():
        monkeypatch.setenv(name, value)
    assert used() == [("ours", "http://store.example:9000", "eu-north-1", "path")] * 2


def test_without_ours_a_role_of_the_platform_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the secret is left out, and the ConfigMap names no server: its keys come empty then."""
    for name in OURS:
        monkeypatch.setenv(name, "")
    assert used() == [("of-the-platform", "http://platform.example:9000", "us-west-2", "path")] * 2


def test_names() -> None:
    assert [own_name(name) for name in PLATFORMS] == [*OURS]
    assert own_name("MLFLOW_TRACKING_URI") == "LABELCYCLE_MLFLOW_TRACKING_URI"
    assert own_name("LABELCYCLE_LOG") == "LABELCYCLE_LOG"
