"""Who did something, and when, as records for people have it."""

import getpass
import os
from datetime import UTC, datetime


def now() -> str:
    """The time, ISO 8601 in UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def user() -> str:
    """Who runs this process: the user's name, or number where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
