"""Whom a campaign tells of what people wait for: a webhook, and people by e-mail.

Addresses of webhooks, keys and passwords are secrets: they come from the environment, never from the campaign.
"""

import ipaddress
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from labelcycle.components.core.config.settings import Settings

Event = Literal["labels_awaited", "target_met", "budget_spent", "campaign_stopped", "cycle_failed"]
"""What is told of: a query that people have to answer, the target accuracy, the end of a campaign by its budget or
before it, and a cycle that failed."""

EVENTS: tuple[Event, ...] = get_args(Event)

Security = Literal["starttls", "tls", "none"]

WEBHOOK_URL, SMTP_PASSWORD = "LABELCYCLE_WEBHOOK_URL", "LABELCYCLE_SMTP_PASSWORD"

PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _as_list(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Mailbox = Annotated[str, Field(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$", max_length=254)]
"""A plain address, such as `name@example.org`."""


class Email(Settings):
    """E-mail through an SMTP server. The password is in LABELCYCLE_SMTP_PASSWORD.

    Attributes:
        to: whom; a list, or text with commas.
        sender: the address that mails are from.
        host: the server.
        port: its port; None for 587 with STARTTLS, 465 with TLS from the beginning, 25 without.
        security: how the connection is encrypted; `none` only to a server on this machine.
        user: whom to log in as; None to log in as nobody.
    """

    to: Annotated[list[Mailbox], Field(min_length=1), BeforeValidator(_as_list)]
    sender: Mailbox
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:\[\]-]+$")]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Security = "starttls"
    user: str | None = None

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(f"mails to {self.host} must be encrypted: security starttls or tls")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host.strip("[]"), PORTS[self.security] if self.port is None else self.port


class Notify(Settings):
    """Who is told, and of what.

    Attributes:
        webhook: whether what happens is sent to the address in LABELCYCLE_WEBHOOK_URL.
        email: by which server and to whom mails are sent; None for none.
        events: what is told of.
        target_accuracy: of the test set; `target_met` is told by the first cycle that reaches it. None for no target.
    """

    webhook: bool = False
    email: Email | None = None
    events: Annotated[list[Event], Field(min_length=1), BeforeValidator(_as_list)] = list(EVENTS)
    target_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables without which people are not told."""
        by_mail = self.email is not None and self.email.user is not None
        return (*([WEBHOOK_URL] if self.webhook else []), *([SMTP_PASSWORD] if by_mail else []))

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Self:
        if not self.webhook and self.email is None:
            raise ValueError("nobody would be told: set webhook: true, or email with to, sender and host")
        return self
