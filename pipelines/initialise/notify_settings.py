"""Whom a campaign tells, from what the user gives: nested as in a file, or as names with dots."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from labelcycle.components.core.config.notify import Notify
from labelcycle.components.core.config.recipe import describe
from labelcycle.components.core.config.recipe_files import override
from labelcycle.components.core.errors import ConfigurationError


def notify_of(given: Mapping[str, object], before: Notify | None = None) -> Notify | None:
    """Who is told, with settings laid over those before; None where nobody was and nothing is given.

    Args:
        given: such as `{"webhook": True, "email.host": "smtp.example.org"}`, or the same as nested mappings.
        before: what is changed.

    Raises:
        ConfigurationError: a setting is unknown or refused, or nobody would be told; each is named.
    """
    if not given:
        return before
    content: dict[str, Any] = {} if before is None else before.model_dump(mode="json", exclude_none=True)
    for name, value in given.items():
        override(content, name, value)
    try:
        return Notify.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"notify is invalid:\n{describe(error)}") from error
