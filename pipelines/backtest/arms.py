"""The strategies that a user wants compared: by name, with parameters, checked before anything runs."""

from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from labelcycle.components.core.config.recipe import describe
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.select import STRATEGIES
from labelcycle.components.select.batch import check_arguments
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, Chooser, ComparedStrategy

OWN = "own"
"""The cold start by which each strategy begins by itself, where it needs no model for that."""

KNOWN = frozenset({"features", "labelled_ids", "labelled_features", "labelled_classes"})
FROM_MODEL = frozenset({"probs", "head", "disagreements", "mutual_information"})
FROM_TRUTH = frozenset({"losses"})
GIVEN = KNOWN | FROM_MODEL | FROM_TRUTH
"""The fields of candidates that a backtest fills in."""

AT_COLD_START = frozenset({"features"})


def compared_strategies(texts: Sequence[str], cold_start: str) -> list[ComparedStrategy]:
    """The strategies that the user named, random among them.

    Args:
        texts: such as `random,entropy:class_balanced=true`; none for every strategy that can run.
        cold_start: the strategy of the first query for all, or `own`.

    Raises:
        ConfigurationError: unknown strategy or parameter, or one that cannot run on labelled history.
    """
    choosers = list({chooser.title: chooser for text in texts for chooser in parse(text)}.values())
    if not choosers:
        choosers = [Chooser(strategy=name) for name in STRATEGIES if STRATEGIES[name].needs <= GIVEN]
    for chooser in choosers:
        _check(chooser)
    if RANDOM not in choosers:
        notice("The random arm is added: it is the yardstick that savings are measured with.")
        choosers.insert(0, RANDOM)
    if cold_start != OWN:
        _check_cold_start(cold_start)
    return [
        ComparedStrategy(
            chooser=chooser,
            cold_start=_cold_start(chooser, cold_start),
            sees_labels=bool(STRATEGIES[chooser.strategy].needs & FROM_TRUTH),
        )
        for chooser in choosers
    ]


def parse(text: str) -> list[Chooser]:
    """`entropy:class_balanced=true,random` → two choosers; values are read as YAML.

    A part with `=` and without a colon before it is a further parameter of the strategy before it.

    Raises:
        ConfigurationError: a part that is neither a strategy nor a parameter.
    """
    found: list[tuple[str, dict[str, object]]] = []
    for part in (part.strip() for part in text.split(",")):
        head, colon, tail = part.partition(":")
        if colon and "=" not in head:
            found.append((head.strip(), {}))
            setting = tail
        elif "=" in part and found:
            setting = part
        else:
            found.append((part, {}))
            continue
        name, sign, value = setting.partition("=")
        if not sign or not name.strip():
            raise ConfigurationError(
                f"--strategies: {part!r} is not NAME:KEY=VALUE, such as entropy:class_balanced=true."
            )
        found[-1][1][name.strip()] = _value(part, value)
    return [_chooser(name, parameters) for name, parameters in found]


def _value(part: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"--strategies: the value in {part!r} is not YAML: {error}") from error


def _chooser(strategy: str, parameters: dict[str, object]) -> Chooser:
    try:
        return Chooser(strategy=strategy, parameters=parameters)
    except ValidationError as error:
        raise ConfigurationError(f"--strategies: {strategy!r} is invalid:\n{describe(error)}") from error


def _check(chooser: Chooser) -> None:
    check_arguments(chooser.strategy, chooser.parameters)
    lacking = sorted(STRATEGIES[chooser.strategy].needs - GIVEN)
    if lacking:
        raise ConfigurationError(
            f"Strategy {chooser.strategy!r} needs {', '.join(lacking)}, which labelled features do not have. "
            "Leave it out of the backtest."
        )


def _check_cold_start(name: str) -> None:
    check_arguments(name, {})
    too_early = sorted(STRATEGIES[name].needs - AT_COLD_START)
    if too_early:
        raise ConfigurationError(
            f"--cold-start {name} needs {', '.join(too_early)}, which no model gives before the first labels. "
            "Choose another, such as random."
        )


def _cold_start(chooser: Chooser, cold_start: str) -> Chooser:
    if cold_start != OWN:
        return Chooser(strategy=cold_start)
    return chooser if STRATEGIES[chooser.strategy].needs == AT_COLD_START else RANDOM
