"""JSON from people: what Python's reader lets pass and would hurt later, such as repeated keys, is refused."""

import json
import re
from collections import Counter
from typing import Any

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json_text(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: no JSON, a key twice in one object, half a character (a lone surrogate), or nesting beyond what can
            be read.
    """
    try:
        value = _DECODER.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise ValueError(
            f"it contains half a character, {error.object[error.start]!r}, which no text can hold"
        ) from error
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(repeated, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {repeated!r} appears more than once in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
"""One for all texts, since there may be a million lines."""
