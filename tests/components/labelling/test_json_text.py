"""JSON from outside, read strictly."""

import pytest

from labelcycle.components.labelling.json_text import read_json_text


def test_json_is_read() -> None:
    assert read_json_text('{"a": [1, "\\ud83d\\ude00", null], "b": {"a": "\\\\ud800"}}') == {
        "a": [1, "\N{GRINNING FACE}", None],
        "b": {"a": "\\ud800"},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting"),
        ('{"label": "cat", "label": "dog"}', "the key 'label' appears more than once"),
        ('{"label": "\\ud800"}', "half a character"),
        ('{"\\udc00": 1}', "half a character"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "4300"),
    ],
)
def test_what_would_hurt_later_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        read_json_text(text)
    assert message in str(refusal.value)
