"""Checks of the numbers that strategies take as parameters, with messages that name the parameter and its range."""

from labelcycle.components.core.errors import ConfigurationError


def require_at_least(name: str, value: float, smallest: float) -> None:
    """Check a number against the smallest that makes sense.

    Raises:
        ConfigurationError: the value is smaller, infinite or no number.
    """
    if not smallest <= value < float("inf"):
        raise ConfigurationError(f"{name} must be a number of at least {smallest}; got {value}.")


def require_above(name: str, value: float, bound: float) -> None:
    """Check that a number lies above a bound.

    Raises:
        ConfigurationError: the value does not, or it is infinite or no number.
    """
    if not bound < value < float("inf"):
        raise ConfigurationError(f"{name} must be a number above {bound}; got {value}.")


def require_at_most(name: str, value: float, largest: float) -> None:
    """Check a number against the largest that makes sense.

    Raises:
        ConfigurationError: the value is larger or no number.
    """
    if not value <= largest:
        raise ConfigurationError(f"{name} must be a number of at most {largest}; got {value}.")
