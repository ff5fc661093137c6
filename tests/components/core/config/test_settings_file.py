"""YAML from outside: plain values, each key once, and nothing that grows or runs."""

from pathlib import Path

import pytest

from labelcycle.components.core.config.settings_files import MAX_BYTES, read_settings
from labelcycle.components.core.errors import ConfigurationError
from tests.harness.fuzz.limits import memory_limit
from tests.harness.fuzz.readers.recipes import LAUGHS


def read(folder: Path, text: str | bytes) -> object:
    path = folder / "settings.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_settings(path, "recipe settings.yaml")


def test_plain_values_are_read(tmp_path: Path) -> None:
    text = "a: 1\nb: [x, 0.5, true, null]\nc: {d: 2024-01-05, e: 'no: 1'}\n<<: x\n"
    assert read(tmp_path, text) == {
        "a": 1,
        "b": ["x", 0.5, True, None],
        "c": {"d": "2024-01-05", "e": "no: 1"},
        "<<": "x",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x\n", "alias *x is not supported"),
        ("a: {b: 1, b: 2}\n", "the same key more than once"),
        ("a: !!timestamp 2024-99-99\n", "could not determine a constructor"),
        ("a: !!python/object/apply:os.system [id]\n", "could not determine a constructor"),
        ("a: !!set {b}\n", "could not determine a constructor"),
        ("a: !!bool maybe\n", "maybe"),
        ("a: !!int x\n", "invalid literal"),
        (f"a: 0x{'f' * 5000}\n", "the number is too large"),
        (f"a: {'9' * 5000}\n", "4300 digits"),
        ("a: [x, 0012]\n", 'to YAML 0012 is the number 10; write "0012" in quotes for a text, or without zeros'),
        ("a: 1:30\n", 'to YAML 1:30 is the number 90; write "1:30" in quotes for a text. Correct it there.'),
        ("a: 1:30.5\n", 'to YAML 1:30.5 is the number 90.5; write "1:30.5" in quotes'),
        ('a: "\\UFFFFFFFF"\n', "Cannot read recipe settings.yaml"),
        ('a: "\\ud800"\n', "half a character"),
        ('"\\ud800": a\n', "half a character"),
        ("[" * 5000, "nested too deeply"),
        (b"a: \xff\n", "can't decode"),
        ("a: [", "expected the node content"),
        ("#" * (MAX_BYTES + 1), "more than the limit"),
    ],
)
def test_more_than_plain_values_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        read(tmp_path, text)
    assert message in str(refusal.value)


def test_a_billion_laughs_are_refused_within_bounds(tmp_path: Path) -> None:
    with memory_limit(256), pytest.raises(ConfigurationError, match="alias"):
        read(tmp_path, LAUGHS)
