"""Mails by SMTP."""

import email
import socket
import ssl
from collections.abc import Callable
from email import policy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from labelcycle.components.core.config.notify import Email
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.notification.channel import NotTaken
from labelcycle.components.notification.mail import Mail
from labelcycle.components.notification.news import News

PEOPLE = {"to": ["ann@example.org", "bob@example.org"], "sender": "labelcycle@example.org"}


def settings(mailbox: Any, **changes: Any) -> Email:
    return Email(**{**PEOPLE, "host": "127.0.0.1", "port": mailbox.port, "security": "none", **changes})


def test_a_mail_goes_to_everybody(mailbox: Any, news: Callable[..., News]) -> None:
    Mail.from_environment(settings(mailbox)).send(news())
    [text] = mailbox.mails
    mail = email.message_from_string(text, policy=policy.default)
    assert mail["Subject"] == "labelcycle: digits-c984ce3d: labels are awaited"
    assert (mail["To"], mail["From"]) == ("ann@example.org, bob@example.org", "labelcycle@example.org")
    assert mail["Message-ID"] == "<digits-c984ce3d-3-labels_awaited@labelcycle.invalid>"
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_content()
    assert "digits-c984ce3d, cycle 3: 20 samples to label. http://studio/projects/1" in body
    assert "labels: 40; answers: 40 of 60" in body and "accuracy on the test set: 0.7500" in body
    assert [line for line in mailbox.commands if line.startswith("rcpt")] == [
        "rcpt TO:<ann@example.org>",
        "rcpt TO:<bob@example.org>",
    ]


def test_it_logs_in_with_the_password_of_the_environment(
    mailbox: Any, news: Callable[..., News], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELCYCLE_SMTP_PASSWORD", "pass-word")
    channel = Mail.from_environment(settings(mailbox, user="ann"))
    assert "pass-word" not in repr(channel)
    channel.send(news())
    assert any(line.startswith("AUTH PLAIN") for line in mailbox.commands) and len(mailbox.mails) == 1


def test_a_user_without_a_password_is_refused(mailbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABELCYCLE_SMTP_PASSWORD", raising=False)
    with pytest.raises(ConfigurationError, match="LABELCYCLE_SMTP_PASSWORD is not set, which ann logs in with"):
        Mail.from_environment(settings(mailbox, user="ann"))


@pytest.mark.parametrize(
    ("word", "answer", "error"),
    [
        ("MAIL", "451 later", NotTaken),
        ("DATA", "452 later", NotTaken),
        ("RCPT", "550 nobody", ConfigurationError),
        ("DATA", "554 no", ConfigurationError),
    ],
)
def test_refusals(mailbox: Any, news: Callable[..., News], word: str, answer: str, error: type[Exception]) -> None:
    mailbox.refusals = {word: [answer] * 2}
    with pytest.raises(error, match=f"the mail server 127.0.0.1 answers {answer[:3]}"):
        Mail.from_environment(settings(mailbox)).send(news())
    assert mailbox.mails == []


def test_nobody_there_has_not_taken_it(news: Callable[..., News]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        there = Email(**PEOPLE, host="127.0.0.1", port=unused.getsockname()[1], security="none")
        with pytest.raises(NotTaken, match="cannot be reached"):
            Mail(there).send(news())


def test_a_server_that_breaks_off_may_have_taken_it(mailbox: Any, news: Callable[..., News]) -> None:
    mailbox.refusals = {"DATA": [""]}
    with pytest.raises(TransientError, match="broke off") as raised:
        Mail.from_environment(settings(mailbox)).send(news())
    assert not isinstance(raised.value, NotTaken)


def test_nothing_goes_out_where_encryption_is_asked_for_and_not_offered(
    mailbox: Any, news: Callable[..., News]
) -> None:
    with pytest.raises(ConfigurationError, match="offers no STARTTLS"):
        Mail.from_environment(settings(mailbox, security="starttls")).send(news())
    assert mailbox.mails == [] and not any(line.startswith("mail") for line in mailbox.commands)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted(
    mailbox: Any, news: Callable[..., News], certificate: Path, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mailbox.context.load_cert_chain(certificate)
    mailbox.from_the_beginning = security == "tls"
    channel = Mail.from_environment(settings(mailbox, security=security))
    with pytest.raises(ConfigurationError, match="the mail server 127.0.0.1 has no certificate that is trusted here"):
        channel.send(news())
    assert mailbox.mails == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    channel.send(news())
    assert len(mailbox.mails) == 1 and ("STARTTLS" in mailbox.commands) == (security == "starttls")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": "smtp.example.org", "security": "none"}, "must be encrypted"),
        ({"to": ["ann@example.org\nBcc: all@example.org"]}, "to"),
        ({"to": []}, "to"),
        ({"sender": "nobody"}, "sender"),
        ({"host": "smtp.example.org/path"}, "host"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Email(**{**PEOPLE, "host": "127.0.0.1", "security": "none", **changes})


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465)])
def test_usual_ports(security: Any, port: int) -> None:
    assert Email(**PEOPLE, host="smtp.example.org", security=security).address == ("smtp.example.org", port)
    assert Email(to="a@b, c@d", sender="e@f", host="h").to == ["a@b", "c@d"]
