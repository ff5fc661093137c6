"""Damages to JSON that leave it JSON: values of other kinds in places that expect one, fields gone or strange."""

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.harness.fuzz.target import Mutation


def odd_values() -> list[Any]:
    """Values that few programs expect."""
    deep: Any = "end"
    for _ in range(60):
        deep = [deep]
    return [
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        2**64,
        -(2**70),
        10**400,
        0.5,
        -0.0,
        1e308,
        float("nan"),
        float("inf"),
        "",
        " ",
        "\x00",
        "a\nb",
        "\ud800",
        "e\u0301",
        "\u202e",
        "x" * 200_000,
        "cat",
        "../../etc/passwd",
        "/etc/passwd",
        "s3://",
        "http://[",
        "//[::1]]",
        "http://\u2100.example",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2024-13-40",
        [],
        {},
        [[]],
        ["cat"],
        ["cat", "dog"],
        [1, None],
        {"id": 1},
        {"choices": ["cat"]},
        {"email": {"a": 1}, "id": []},
        deep,
    ]


ODD = odd_values()


def _odd(random: Random) -> Any:
    return copy.deepcopy(random.choice(ODD))


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every (container, key or index) in a JSON value."""
    waiting = [value]
    while waiting:
        container = waiting.pop()
        entries = container.items() if isinstance(container, dict) else enumerate(container)
        for key, inner in entries:
            found.append((container, key))
            if isinstance(inner, dict | list):
                waiting.append(inner)
    return found


def _change(value: Any, random: Random) -> Any:
    places = _places(value, []) if isinstance(value, dict | list) else []
    if not places or random.randrange(30) == 0:
        return _odd(random)
    container, key = random.choice(places)
    kind = random.randrange(5)
    if kind == 0:
        del container[key]
    elif kind == 1:
        other_container, other_key = random.choice(places)
        container[key] = copy.deepcopy(other_container[other_key])
    elif kind == 2 and isinstance(container, dict):
        container[random.choice(("", "id", "name", "a" * 300, "\ud800", "\x1b", "extra"))] = _odd(random)
    elif kind == 2:
        container.insert(key, _odd(random))
    else:
        container[key] = _odd(random)
    return value


def changed(value: Any, random: Random) -> Any:
    """A JSON value with one to three changes."""
    for _ in range(random.choice((1, 1, 2, 3))):
        value = _change(value, random)
    return value


def json_mutation(write: Callable[[Any], bytes] | None = None) -> Mutation:
    """A mutation of JSON files.

    Args:
        write: how the changed value becomes bytes again; None for plain JSON, in which keys are now and then repeated.
    """

    def mutation(data: bytes, random: Random) -> bytes:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return data
        value = changed(value, random)
        if write is not None:
            return write(value)
        text = json.dumps(value, ensure_ascii=random.randrange(2) == 0)
        if random.randrange(10) == 0:
            text = text.replace("{", '{"label": "cat", "id": 7, ', 1)
        return text.encode(errors="surrogatepass")

    return mutation


def json_lines_mutation(data: bytes, random: Random) -> bytes:
    """Changes one line of JSON lines."""
    lines = data.split(b"\n")
    place = random.randrange(len(lines))
    lines[place] = json_mutation()(lines[place], random)
    return b"\n".join(lines)
