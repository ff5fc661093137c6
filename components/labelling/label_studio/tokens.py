"""Tokens of Label Studio: where they come from, which kind they are, and what is wrong where one is refused.

There are two kinds. A personal access token is a JSON web token that stands for nothing but the right to fetch access
tokens, which hold for minutes. A legacy token is sent as it is; servers since 1.20 refuse them unless an administrator
switches them on. Source: https://labelstud.io/guide/access_tokens
"""

import base64
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from labelcycle.components.core.errors import ConfigurationError

TOKEN = "LABEL_STUDIO_TOKEN"
TOKEN_FILE = "LABEL_STUDIO_TOKEN_FILE"
MAKE_ONE = "make a personal access token in Label Studio under Account & Settings"

Kind = Literal["personal", "legacy"]


@dataclass(frozen=True)
class Token:
    """A token and its kind; the value is not shown where this is printed."""

    value: str = field(repr=False)
    kind: Kind

    @property
    def why_refused(self) -> str:
        """What to do where the server answers 401 to this token, in words."""
        if self.kind == "personal":
            return f"it refuses the personal access token: revoked, expired or of another server. Please {MAKE_ONE}"
        return (
            "it refuses the legacy token: wrong, or legacy tokens are switched off, as they are by default. Please "
            f"{MAKE_ONE}, or let an administrator allow legacy tokens under Organization, API Tokens Settings"
        )


def token_from_environment() -> Token:
    """The token that `LABEL_STUDIO_TOKEN` holds, or the file that `LABEL_STUDIO_TOKEN_FILE` names.

    Raises:
        ConfigurationError: none or both are set, the file cannot be read, or what they hold is no token.
    """
    value, path = os.environ.get(TOKEN, ""), os.environ.get(TOKEN_FILE, "")
    if bool(value) == bool(path):
        many = "both are" if value else "neither is"
        raise ConfigurationError(
            f"Label Studio needs a token: set one of {TOKEN} and {TOKEN_FILE} ({many} set). If you have none, "
            f"{MAKE_ONE}."
        )
    if value:
        return token_of(value, TOKEN)
    try:
        return token_of(Path(path).read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"{TOKEN_FILE} names {path}, which cannot be read: {reason}. Correct it.") from None


def token_of(text: str, source: str) -> Token:
    """The token in `text`, its kind recognised by its form.

    Args:
        text: the token, with or without spaces around it.
        source: the variable or file that it comes from.

    Raises:
        ConfigurationError: empty, cut off, an access token, or with characters that no token has.
    """
    value = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9._=-]+", value):
        raise ConfigurationError(
            f"{source} holds no token: it is empty or has spaces or other invalid characters. Copy it again."
        )
    parts = value.split(".")
    if len(parts) == 1:
        return Token(value, "legacy")
    if len(parts) != 3 or not all(parts):
        raise ConfigurationError(
            f"{source} holds part of a personal access token. Label Studio shows the whole one once, when it is made: "
            f"please {MAKE_ONE} and copy it then."
        )
    if _token_type(parts[1]) == "access":
        raise ConfigurationError(
            f"{source} holds an access token, which expires within minutes. Please {MAKE_ONE} and give that one."
        )
    return Token(value, "personal")


def _token_type(payload: str) -> str | None:
    """What a JSON web token says it is; it is not verified, which is the server's to do."""
    try:
        content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return None
    kind = content.get("token_type") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None
