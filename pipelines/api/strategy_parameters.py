"""Parameters of a strategy as users give them from Python, checked against the types in its signature."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select.strategy import Strategy
from labelcycle.pipelines.api.python_arguments import shown


def checked_parameters(strategy: Strategy, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, numbers of NumPy as Python's. Those that the strategy does not have, or not typed, stay as given.

    Raises:
        ConfigurationError: a value of another type than the strategy's own.
    """
    signature = inspect.signature(strategy.choose).parameters
    found: dict[str, Any] = {}
    for name, value in given.items():
        found[name] = value.item() if isinstance(value, np.generic) else value
        expected = signature[name].annotation if name in strategy.parameters else inspect.Parameter.empty
        if expected is inspect.Parameter.empty or isinstance(expected, str):
            continue
        try:
            TypeAdapter(expected).validate_python(found[name], strict=True)
        except ValidationError as error:
            wanted = inspect.formatannotation(expected).replace("typing.", "")
            raise ConfigurationError(
                f"{name} of strategy {strategy.name!r} is of type {wanted}; got {shown(value)}. Give such as "
                f"{name}={signature[name].default!r}."
            ) from error
    return found
