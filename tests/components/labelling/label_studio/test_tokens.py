"""Tokens: where they come from, how their kind is told, and what is said of wrong ones."""

import base64
import json
from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.labelling.label_studio.tokens import token_from_environment, token_of
from tests.harness.label_studio_api import LEGACY, PERSONAL


def web_token(**content: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    return f"aGVhZGVy.{payload}.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def none_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABEL_STUDIO_TOKEN", raising=False)
    monkeypatch.delenv("LABEL_STUDIO_TOKEN_FILE", raising=False)


def test_kinds_are_told_by_form() -> None:
    assert token_of(f" {PERSONAL}\n", "here").kind == "personal"
    assert token_of(web_token(token_type="refresh"), "here").kind == "personal"
    assert token_of(LEGACY, "here").kind == "legacy"


def test_a_token_is_not_shown() -> None:
    assert LEGACY not in repr(token_of(LEGACY, "here"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "here holds no token: it is empty"),
        ("two words", "holds no token"),
        (PERSONAL.rpartition(".")[0], "holds part of a personal access token"),
        (web_token(token_type="access"), "holds an access token, which expires within minutes"),
    ],
)
def test_what_is_no_token_is_refused_unshown(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refusal:
        token_of(text, "here")
    assert not text or text not in str(refusal.value)


def test_the_variable_and_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", LEGACY)
    assert token_from_environment().value == LEGACY
    monkeypatch.delenv("LABEL_STUDIO_TOKEN")
    path = tmp_path / "token"
    path.write_text(f"{PERSONAL}\n")
    monkeypatch.setenv("LABEL_STUDIO_TOKEN_FILE", str(path))
    assert token_from_environment().value == PERSONAL


def test_exactly_one_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither is set.*make a personal access token"):
        token_from_environment()
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", LEGACY)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN_FILE", str(tmp_path))
    with pytest.raises(ConfigurationError, match="both are set"):
        token_from_environment()


def test_a_file_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABEL_STUDIO_TOKEN_FILE", str(tmp_path / "missing"))
    with pytest.raises(ConfigurationError, match="missing, which cannot be read: No such file"):
        token_from_environment()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("LABEL_STUDIO_TOKEN_FILE", str(tmp_path / "binary"))
    with pytest.raises(ConfigurationError, match="it is not text"):
        token_from_environment()
