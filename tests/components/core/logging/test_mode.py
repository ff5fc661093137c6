"""Which kind of log the environment asks for."""

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.logging.events import VARIABLE, json_logs


@pytest.mark.parametrize(("value", "expected"), [("json", True), (" JSON ", True), ("text", False), ("", False)])
def test_values(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert json_logs() is expected


def test_text_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not json_logs()


def test_another_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "xml")
    with pytest.raises(ConfigurationError, match="LABELCYCLE_LOG is 'xml'. Set it to json or text"):
        json_logs()
