"""Output where the terminal or the log has no UTF-8: plain characters, and no error."""

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.pipelines.cli.plain_output import print_plainly


def printed(monkeypatch: pytest.MonkeyPatch, text: str, encoding: str) -> str:
    sink = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(sink, encoding=encoding, errors="strict"))
    print_plainly()
    print(text, end="", flush=True)
    return sink.getvalue().decode(encoding)


def test_characters_have_plain_ones_that_come_near(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a · b → c … 0.5 ≥ 0.4 █░ ▁▇ 名"
    assert printed(monkeypatch, text, "ascii") == "a - b -> c ... 0.5 >= 0.4 #. _% ?"
    assert printed(monkeypatch, "é · 名", "latin-1") == "é · ?"


def test_where_everything_can_be_shown_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a · b → c 名"
    assert printed(monkeypatch, text, "utf-8") == text == printed(monkeypatch, text, "utf-16")


@pytest.mark.parametrize("arguments", [["status"], ["cost"], ["recipes"]], ids=" ".join)
def test_commands_print_without_utf_8(labelcycle: Callable[..., Any], begin: Any, arguments: list[str]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_cycle()
    root = [campaign.root] if arguments != ["recipes"] else []
    answer = labelcycle(*arguments, *root, PYTHONIOENCODING="ascii")
    assert answer.returncode == 0 and answer.stdout.isascii() and len(answer.stdout) > 100
