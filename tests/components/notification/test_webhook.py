"""What a webhook is sent, and what its answers mean."""

import base64
import json
import socket
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import requests

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.notification import webhook
from labelcycle.components.notification.channel import NotTaken
from labelcycle.components.notification.news import News
from labelcycle.components.notification.webhook import Webhook, signature

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def test_the_signature_is_that_of_standard_webhooks() -> None:
    key = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")
    body = b'{"event_type":"ping","data":{"success":true}}'
    found = signature(key, "msg_loFOjxBNrRLzqYUf", 1731705121, body)
    assert found == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_the_body_is_json_and_signed(receiver: Any, news: Callable[..., News], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELCYCLE_WEBHOOK_SECRET", SECRET)
    Webhook.from_environment().send(news())
    [(headers, body)] = receiver.requests
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "digits-c984ce3d-3-labels_awaited"
    moment = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == signature(KEY, headers["webhook-id"], moment, body)
    assert json.loads(body) == {
        "text": "digits-c984ce3d, cycle 3: 20 samples to label. http://studio/projects/1",
        "id": "digits-c984ce3d-3-labels_awaited",
        **asdict(news()),
    }


def test_without_a_secret_there_is_no_signature(receiver: Any, news: Callable[..., News]) -> None:
    Webhook.from_environment().send(news())
    [(headers, _)] = receiver.requests
    assert not [name for name in headers if name.startswith("webhook-")]


def test_slack_takes_nothing_in_the_text_for_its_own_marks(receiver: Any, news: Callable[..., News]) -> None:
    Webhook.from_environment().send(news(detail="<!channel> & more"))
    assert "&lt;!channel&gt; &amp; more" in json.loads(receiver.requests[0][1])["text"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, NotTaken),
        (503, NotTaken),
        (500, TransientError),
        (302, ConfigurationError),
        (401, ConfigurationError),
        (404, ConfigurationError),
    ],
)
def test_answers(receiver: Any, news: Callable[..., News], status: int, error: type[Exception]) -> None:
    receiver.answers = [status]
    with pytest.raises(error, match=f"the webhook at 127.0.0.1 answers {status}") as raised:
        Webhook.from_environment().send(news())
    assert isinstance(raised.value, NotTaken) == (error is NotTaken)
    assert len(receiver.requests) == 1 and "very-secret-path" not in str(raised.value)


def test_silence_may_have_been_taken(receiver: Any, news: Callable[..., News], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "SOCKET_SECONDS", 0.2)
    receiver.answers = [0]
    with pytest.raises(TransientError, match="does not answer within") as raised:
        Webhook.from_environment().send(news())
    assert not isinstance(raised.value, NotTaken)


def test_a_connection_that_does_not_come_about_has_not_taken_it(
    news: Callable[..., News], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: Any, **__: Any) -> None:
        raise requests.ConnectTimeout("https://hooks.example.org/very-secret-path")

    monkeypatch.setattr(requests, "post", nobody)
    with pytest.raises(NotTaken, match="the webhook at hooks.example.org cannot be reached$"):
        Webhook("https://hooks.example.org/very-secret-path").send(news())


def test_no_password_of_a_netrc_file_is_sent(
    receiver: Any, news: Callable[..., News], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login ann password hers\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    Webhook.from_environment().send(news())
    assert "authorization" not in receiver.requests[0][0]


def test_nobody_there_has_not_taken_it(news: Callable[..., News]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/secret"
        with pytest.raises(NotTaken, match="cannot be reached") as raised:
            Webhook(address).send(news())
    assert "/secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "LABELCYCLE_WEBHOOK_URL is not set"),
        ("hooks.example.org", "is not an address"),
        ("https://hooks.example.org:port/", "is not an address"),
        ("http://hooks.example.org/secret", "must begin with https://"),
        ("http://169.254.169.254/latest", "must begin with https://"),
        ("file:///etc/passwd", "is not an address"),
        ("ftp://127.0.0.1/secret", "must begin with https://"),
    ],
)
def test_other_addresses_are_refused(url: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELCYCLE_WEBHOOK_URL", url)
    with pytest.raises(ConfigurationError, match=message) as raised:
        Webhook.from_environment()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_no base64", "whsec_YWJjZGVmZ2hpamtsbW5vcA==?", "whsec_c2hvcnQ="])
def test_a_secret_that_is_none_is_refused(secret: str, receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELCYCLE_WEBHOOK_SECRET", secret)
    with pytest.raises(ConfigurationError, match="LABELCYCLE_WEBHOOK_SECRET is not whsec_"):
        Webhook.from_environment()
