"""What log lines are about."""

import pytest

from labelcycle.components.core.logging.place import FIELDS, place, within


def test_a_place_is_put_back() -> None:
    before = place()
    assert tuple(before) == FIELDS
    with within(campaign="a", cycle=1):
        with within(cycle=2, stage="embed"):
            assert (place()["campaign"], place()["cycle"], place()["stage"]) == ("a", 2, "embed")
        assert (place()["cycle"], place()["stage"]) == (1, before["stage"])
    with pytest.raises(KeyError), within(cycle=5):
        raise KeyError
    assert place() == before
