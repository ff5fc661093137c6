"""Which kind of log the user wants: text for people, or JSON for machines."""

import os

from labelcycle.components.core.errors import ConfigurationError

VARIABLE = "LABELCYCLE_LOG"


def json_logs() -> bool:
    """Whether `LABELCYCLE_LOG` asks for JSON; text is what it is without the variable.

    Raises:
        ConfigurationError: the variable names neither.
    """
    value = os.environ.get(VARIABLE, "").strip().lower()
    if value not in ("", "text", "json"):
        raise ConfigurationError(f"{VARIABLE} is {value!r}. Set it to json or text, or leave it out.")
    return value == "json"
