"""One record, one line that every JSON parser takes."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.logging.events import LONGEST, as_line


class Target(StrEnum):
    base = "base"


def refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def test_whatever_the_content_the_line_is_json() -> None:
    record: dict[str, Any] = {
        "breaks": "a\nb\r\u2028c",
        "surrogate": "\udcff",
        "figures": [float("nan"), float("inf"), 1.5, {"deep": float("-inf")}],
        "others": (Path("/data"), np.float32(0.5), Target.base, {3}, b"x"),
        7: None,
    }
    line = as_line(record)
    assert line.endswith("\n") and len(line.splitlines()) == 1
    read = json.loads(line, parse_constant=refuse)
    assert read["breaks"] == record["breaks"] and read["surrogate"] == "\udcff"
    assert read["figures"] == [None, None, 1.5, {"deep": None}]
    assert read["others"][:4] == ["/data", "0.5", "base", [3]] and read["7"] is None


def test_long_texts_lose_their_middle() -> None:
    text = json.loads(as_line({"message": "a" * LONGEST + "b" * LONGEST}))["message"]
    assert text.startswith("a" * 4000) and text.endswith("b" * 4000)
    assert f"{LONGEST} characters left out" in text and len(text) < LONGEST + 100


def test_secrets_are_hidden_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "open-sesame")
    assert "open-sesame" not in as_line({"message": "open-sesame", "facts": {"deep": ["so open-sesame it is"]}})
