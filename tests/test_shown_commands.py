"""Commands that messages show can be pasted into a shell, whatever the campaign's folder is called."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
UNQUOTED = re.compile(r"labelcycle [a-z][a-z-]* (?:\"\s*f\")?\{(?:[a-z_]+\.)*root\}")
BEFORE_QUOTING = re.compile(r"\broot = shlex\.quote\(")
"""A function that quotes the root once for all commands that it shows."""


def unquoted_roots(text: str) -> list[str]:
    """Commands of formatted text whose root is put in as it is."""
    return [] if BEFORE_QUOTING.search(text) else UNQUOTED.findall(text)


@pytest.mark.parametrize("folder", ["components", "pipelines"])
def test_roots_in_commands_are_quoted(folder: str) -> None:
    sources = sorted((REPOSITORY / folder).rglob("*.py"))
    assert len(sources) > 100
    texts = ((path, path.read_text(encoding="utf-8")) for path in sources)
    assert {str(path): found for path, text in texts if (found := unquoted_roots(text))} == {}


@pytest.mark.parametrize("text", ['f"next: labelcycle run {root}"', 'f"labelcycle label {store.root} --port 1"'])
def test_what_would_be_found(text: str) -> None:
    assert unquoted_roots(text) and not unquoted_roots(text.replace("{", "{shlex.quote(").replace("}", ")}"))
