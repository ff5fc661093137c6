"""Checks of a strategy's arguments before anything is paid for: their names and their types."""

from collections.abc import Mapping
from typing import get_type_hints

from pydantic import TypeAdapter, ValidationError

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select.batch import check_parameters
from labelcycle.components.select.registry import STRATEGIES


def check_arguments(strategy: str, arguments: Mapping[str, object]) -> None:
    """Check that there is such a strategy, that it has these parameters, and that each value is of its type.

    What a value must be is what the strategy's function says in its annotations: `passes: int`,
    `place: Literal["features", "normalised"]`. An integer is taken for a float; nothing else is converted.

    Raises:
        ConfigurationError: unknown strategy or parameter, or a value of another type.
    """
    check_parameters(strategy, arguments.keys())
    try:
        types = get_type_hints(STRATEGIES[strategy].choose)
    except NameError:  # a strategy of another package, whose annotations name what only its type checker imports
        return
    for name, value in arguments.items():
        if name not in types:
            continue
        try:
            TypeAdapter(types[name]).validate_python(value, strict=True)
        except ValidationError as error:
            problem = error.errors()[0]["msg"].replace("Input should be", "should be")
            raise ConfigurationError(
                f"Parameter {name!r} of strategy {strategy!r} {problem}; got {value!r}."
            ) from error
