"""One log record as one line of JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

from labelcycle.components.core.logging.secrets import without_secrets

LONGEST = 10_000
"""Characters of a text that a line keeps; of longer ones the middle is left out."""


def as_line(record: Mapping[str, Any]) -> str:
    """A record as JSON without a line break inside: no secret, no NaN, and no text without end."""
    return json.dumps(_plain(record), default=lambda value: _text(str(value))) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(content) for name, content in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(content) for content in value]
    return value


def _text(text: str) -> str:
    text = without_secrets(text)
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters left out … {text[-half:]}"
