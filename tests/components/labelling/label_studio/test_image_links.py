"""Links to images: files and S3, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from labelcycle.components.core.config.labelling import LabelStudioTool
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.labelling.label_studio import image_links
from labelcycle.components.labelling.label_studio.image_links import ImageLinks

FILES: dict[str, str | None] = {"a": "/data/pool/cats/a b#1.png", "b": "/data/pool/dogs/ü.png", "none": None}


def links(uris: dict[str, str | None], **settings: Any) -> ImageLinks:
    return ImageLinks(LabelStudioTool(url="http://studio.example.org", **settings), uris)


def test_files_are_named_below_the_image_server() -> None:
    made = links(FILES, image_server="https://images.example.org/pool/")
    assert made.link("a").address == "https://images.example.org/pool/cats/a%20b%231.png"
    assert made.link("b").address == "https://images.example.org/pool/dogs/%C3%BC.png"
    assert made.link("b").until == ""


def test_files_without_a_server_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot open. Serve the images .*--image-server"):
        links(FILES).link("a")


@pytest.mark.parametrize(
    "uri",
    [
        "https://images.example.org/a.png",
        "http://169.254.169.254/latest/meta-data",
        "ftp://h/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "gs://b/a.png",
        "http:///a",
        "http://u:p@h/a",
    ],
)
def test_no_browser_is_led_to_an_address_out_of_data(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="The image of sample 'a' is not shown.* is never fetched") as caught:
        links({"a": uri}, image_server="https://images.example.org").link("a")
    assert "u:p@" not in str(caught.value)


def test_places_that_are_not_allowed_are_neither_signed_nor_linked(
    aws_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELCYCLE_IMAGE_SOURCES", "/data/pool/cats,s3://bucket/pool")
    made = links(
        {**FILES, "c": "s3://bucket/pool/c.png", "d": "s3://bucket/pool-2/d.png"}, image_server="https://i.org"
    )
    assert made.link("a").address and made.link("c").address
    for sample_id in ("b", "d"):
        with pytest.raises(ConfigurationError, match=f"'{sample_id}' is not shown.* not from an allowed source"):
            made.link(sample_id)


def test_a_sample_without_image() -> None:
    for sample_id in ("none", "unknown"):
        with pytest.raises(ConfigurationError, match=f"Sample '{sample_id}' has no image"):
            links(FILES).link(sample_id)


def test_s3_is_signed_and_opens(s3_root: str, s3_administrator: Any) -> None:
    image_links.signing_client.cache_clear()
    bucket = s3_root.removeprefix("s3://").split("/")[0]
    s3_administrator.put_object(Bucket=bucket, Key="pool/ü +1.png", Body=b"image")
    link = links({"a": f"s3://{bucket}/pool/ü +1.png"}, link_hours=2).link("a")
    query = parse_qs(urlsplit(link.address).query)
    assert query["X-Amz-Expires"] == ["7200"] and query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert requests.get(link.address, timeout=30).content == b"image"
    hours = (datetime.fromisoformat(link.until) - datetime.now(UTC)) / timedelta(hours=1)
    assert 1.9 < hours <= 2
    image_links.signing_client.cache_clear()


def test_browsers_may_reach_s3_under_another_address(s3_endpoint: str) -> None:
    link = links({"a": "s3://bucket/a b.png"}, image_endpoint="https://images.example.org").link("a")
    assert link.address.startswith("https://images.example.org/bucket/a%20b.png?")
    assert "X-Amz-Signature=" in link.address and link.until


def test_s3_directly_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--image-links presigned"):
        links({"a": "s3://bucket/a.png"}, images="direct").link("a")


def test_a_link_runs_out_in_its_last_quarter() -> None:
    made, now = links(FILES, link_hours=4), datetime(2026, 1, 1, tzinfo=UTC)
    assert not made.runs_out("", now)
    assert not made.runs_out((now + timedelta(hours=1, seconds=1)).isoformat(), now)
    assert made.runs_out((now + timedelta(minutes=59)).isoformat(), now)
    assert made.runs_out((now - timedelta(days=1)).isoformat(), now)


def test_a_link_that_claims_more_time_than_links_have_is_made_anew() -> None:
    made, now = links(FILES, link_hours=4), datetime(2026, 1, 1, tzinfo=UTC)
    assert not made.runs_out((now + timedelta(hours=4, minutes=4)).isoformat(), now)
    assert made.runs_out((now + timedelta(hours=4, minutes=6)).isoformat(), now)
