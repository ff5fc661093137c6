"""The exception tree decides exit codes, which schedulers read."""

import pytest

from labelcycle.components.core.errors import (
    LONGEST,
    WAITING_FOR_LABELS,
    CampaignError,
    ConfigurationError,
    InputError,
    LabelcycleError,
    TransientError,
    near_miss,
)


@pytest.mark.parametrize(
    ("error", "code"), [(InputError, 1), (ConfigurationError, 1), (CampaignError, 1), (TransientError, 2)]
)
def test_exit_codes(error: type[LabelcycleError], code: int) -> None:
    assert issubclass(error, LabelcycleError)
    assert error.exit_code == code
    assert error.exit_code != WAITING_FOR_LABELS == 3
    assert str(error("what happened")) == "what happened"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand ä 😀", "two\nlines\tand ä 😀"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("over\rwritten", "over\\rwritten"),
        ("half \ud800", "half \\ud800"),
        ("turned \u202e", "turned \\u202e"),
    ],
)
def test_messages_can_be_printed(text: str, shown: str) -> None:
    assert str(InputError(text)) == shown
    shown.encode()


def test_long_messages_keep_their_ends() -> None:
    shown = str(InputError("place " + "x" * 100_000 + " remedy"))
    assert len(shown) < LONGEST + 10
    assert shown.startswith("place ")
    assert shown.endswith(" remedy")


def test_a_name_is_not_suggested_in_its_own_place() -> None:
    assert near_miss("epoch", ["epochs", "rate"]) == " Did you mean 'epochs'?"
    assert near_miss("Epochs", ["epochs"]) == " Did you mean 'epochs'?"
    assert near_miss("epochs", ["epochs", "epoch", "Epochs"]) == ""
