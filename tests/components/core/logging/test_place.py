"""What log lines are about."""

import pytest

from labelcycle.components.core.logging.events import FIELDS, log_context, within


def test_a_place_is_put_back() -> None:
    before = log_context()
    assert tuple(before) == FIELDS
    with within(campaign="a", cycle=1):
        with within(cycle=2, stage="embed"):
            assert (log_context()["campaign"], log_context()["cycle"], log_context()["stage"]) == ("a", 2, "embed")
        assert (log_context()["cycle"], log_context()["stage"]) == (1, before["stage"])
    with pytest.raises(KeyError), within(cycle=5):
        raise KeyError
    assert log_context() == before
