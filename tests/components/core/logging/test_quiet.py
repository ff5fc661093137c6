"""Loggers that are quiet for a while."""

import logging

import pytest

from labelcycle.components.core.logging.events import quiet


def test_levels_are_put_back_whatever_happens() -> None:
    one, two = logging.getLogger("quiet.one"), logging.getLogger("quiet.two")
    one.setLevel(logging.DEBUG)
    with pytest.raises(KeyError), quiet("quiet.one", "quiet.two"):
        assert not one.isEnabledFor(logging.WARNING) and two.isEnabledFor(logging.ERROR)
        raise KeyError
    assert (one.level, two.level) == (logging.DEBUG, logging.NOTSET)
