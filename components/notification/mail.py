"""E-mail through an SMTP server, encrypted unless the server is on this machine."""

import contextlib
import os
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Self

from labelcycle.components.core.config.notify import SMTP_PASSWORD as PASSWORD
from labelcycle.components.core.config.notify import Email
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.notification.channel import SOCKET_SECONDS, NotTaken
from labelcycle.components.notification.news import News


@dataclass(frozen=True)
class Mail:
    """Mails by one server.

    Attributes:
        settings: the campaign's.
        password: of the user whom the settings name; empty where they name none.
    """

    settings: Email
    password: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, settings: Email) -> Self:
        """Mails with the password in LABELCYCLE_SMTP_PASSWORD.

        Raises:
            ConfigurationError: a user has to log in, and there is no password.
        """
        password = os.environ.get(PASSWORD, "")
        if settings.user is not None and not password:
            raise ConfigurationError(f"{PASSWORD} is not set, which {settings.user} logs in with at {settings.host}")
        return cls(settings, password)

    @property
    def name(self) -> str:
        """The server's name."""
        return f"the mail server {self.settings.host}"

    def send(self, news: News) -> None:
        """Send one mail to everybody.

        Raises:
            NotTaken: no connection, or the server asks to come again (4xx).
            TransientError: the connection broke while the mail was sent, so that it may have arrived.
            ConfigurationError: the server refuses the log-in, the addresses or the mail, or has no trusted certificate.
        """
        try:
            server = self._connected()
        except ssl.SSLError:
            raise ConfigurationError(f"{self.name} has no certificate that is trusted here") from None
        except smtplib.SMTPNotSupportedError:
            raise ConfigurationError(f"{self.name} offers no STARTTLS, or no log-in; correct notify.email") from None
        except smtplib.SMTPResponseException as refusal:
            raise self._refused(refusal.smtp_code) from None
        except (smtplib.SMTPException, OSError):
            raise NotTaken(f"{self.name} cannot be reached") from None
        try:
            server.send_message(message_of(news, self.settings))
        except smtplib.SMTPRecipientsRefused as refusal:
            raise self._refused(max(code for code, _ in refusal.recipients.values())) from None
        except smtplib.SMTPResponseException as refusal:
            raise self._refused(refusal.smtp_code) from None
        except (smtplib.SMTPException, OSError) as error:
            raise TransientError(f"{self.name} broke off ({type(error).__name__})") from None
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _connected(self) -> smtplib.SMTP:
        host, port = self.settings.address
        trusted = ssl.create_default_context()
        server: smtplib.SMTP
        if self.settings.security == "tls":
            server = smtplib.SMTP_SSL(host, port, timeout=SOCKET_SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(host, port, timeout=SOCKET_SECONDS)
        try:
            if self.settings.security == "starttls":
                server.starttls(context=trusted)
            if self.settings.user is not None:
                server.login(self.settings.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _refused(self, code: int) -> TransientError | ConfigurationError:
        if 400 <= code < 500:
            return NotTaken(f"{self.name} answers {code}")
        return ConfigurationError(f"{self.name} answers {code}; correct notify.email, or {PASSWORD}")


def message_of(news: News, settings: Email) -> EmailMessage:
    """The mail. Every try has the same Message-ID, by which mailboxes know a second one."""
    message = EmailMessage()
    message["Subject"] = f"labelcycle: {news.headline}"
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Message-ID"] = f"<{news.identifier}@labelcycle.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    figures = [f"labels: {news.labels}; answers: {news.answers} of {news.budget}"]
    if news.accuracy is not None:
        figures.append(f"accuracy on the test set: {news.accuracy:.4f}")
    message.set_content("\n".join([news.text, "", *figures, f"campaign: {news.root}", f"time: {news.time}", ""]))
    return message
