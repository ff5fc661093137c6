"""What never stands in a log."""

import pytest

from labelcycle.components.core.logging.events import without_secrets


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "LABEL_STUDIO_TOKEN", "HF_TOKEN", "my_api_key"]
)
def test_values_of_variables_that_are_secrets(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "s3cr3t-value")
    assert without_secrets("before s3cr3t-value after") == "before *** after"


@pytest.mark.parametrize("name", ["LABEL_STUDIO_TOKEN_FILE", "AWS_DEFAULT_REGION"])
def test_values_of_others_are_left(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/run/secrets/token")
    assert without_secrets("read /run/secrets/token") == "read /run/secrets/token"


def test_short_values_are_words_that_occur_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert without_secrets("the secret of good labels") == "the secret of good labels"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgresql://mlflow:pa55word@db:5432/x", "pa55word"),
        ("https://s3/bucket/a.png?X-Amz-Date=1&X-Amz-Signature=abcdef0123&x=1", "abcdef0123"),
        ("https://s3/bucket/a.png?X-Amz-Security-Token=FwoGZXIv", "FwoGZXIv"),
        ("{'Authorization': 'Bearer eyJhbGciOi.J9'}", "eyJhbGciOi.J9"),
        ("Authorization: Token 0123456789abcdef", "0123456789abcdef"),
    ],
)
def test_what_looks_like_a_secret(text: str, secret: str) -> None:
    shown = without_secrets(text)
    assert secret not in shown and "***" in shown


@pytest.mark.parametrize("text", ["s3://bucket/user@home", "https://host/a@b", "Token ring", "x=1&y=2"])
def test_what_does_not(text: str) -> None:
    assert without_secrets(text) == text
