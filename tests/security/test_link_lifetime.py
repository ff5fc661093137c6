"""Signed links open an image to whoever has them, so they are short-lived, and say how long."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from labelcycle.components.core.config.labelling import LINK_HOURS, LONGEST_LINK_HOURS, LabelStudioTool
from labelcycle.components.labelling.label_studio import image_links
from labelcycle.components.labelling.label_studio.image_links import ImageLinks

TOOL = "http://studio.example.org"


@pytest.fixture(autouse=True)
def fresh_client(s3_endpoint: str) -> Any:
    image_links.signing_client.cache_clear()
    yield
    image_links.signing_client.cache_clear()


def signed(**settings: Any) -> tuple[dict[str, list[str]], datetime]:
    link = ImageLinks(LabelStudioTool(url=TOOL, **settings), {"a": "s3://bucket/images/a.png"}).link("a")
    return parse_qs(urlsplit(link.address).query), datetime.fromisoformat(link.until)


def test_a_day_unless_the_campaign_says_otherwise() -> None:
    query, until = signed()
    assert query["X-Amz-Expires"] == [str(24 * 3600)] and LINK_HOURS == 24
    assert timedelta(hours=23.9) < until - datetime.now(UTC) <= timedelta(hours=24)


def test_never_longer_than_a_week() -> None:
    assert signed(link_hours=LONGEST_LINK_HOURS)[0]["X-Amz-Expires"] == [str(7 * 24 * 3600)]
    for hours in (168.1, 0, -1, float("inf"), float("nan")):
        with pytest.raises(ValidationError):
            LabelStudioTool(url=TOOL, link_hours=hours)


def test_a_link_opens_one_object_for_reading_and_holds_no_key() -> None:
    link = ImageLinks(LabelStudioTool(url=TOOL), {"a": "s3://bucket/images/a.png"}).link("a").address
    assert urlsplit(link).path == "/bucket/images/a.png"
    assert parse_qs(urlsplit(link).query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "X-Amz-Signature" in link and "testing/" in parse_qs(urlsplit(link).query)["X-Amz-Credential"][0]
    assert "secret" not in link.lower()
