"""Settings of labelling: what is refused."""

import pytest
from pydantic import ValidationError

from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("labels.example.org", "not an http:// or https:// address"),
        ("file:///etc/passwd", "not an http:// or https:// address"),
        ("http://", "not an http:// or https:// address"),
        ("https://name:secret@labels.example.org", "must not hold a name or password"),
        ("https://labels.example.org/?token=1", "has a query or fragment"),
    ],
)
def test_addresses(url: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as refusal:
        LabelStudioTool(url=url)
    assert "labels" not in str(refusal.value) or "secret" not in refusal.value.errors()[0]["msg"]


def test_a_slash_at_the_end_is_left_out() -> None:
    assert LabelStudioTool(url="https://labels.example.org/tool/").url == "https://labels.example.org/tool"


@pytest.mark.parametrize(
    "settings",
    [
        {"quorum": 0},
        {"share": 0},
        {"share": 1.1},
        {"deadline_hours": 0},
        {"second_opinions": 1},
        {"consensus": "loudest"},
    ],
)
def test_limits(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Labelling.model_validate(settings)
