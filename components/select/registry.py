"""All strategies by name: those of labelcycle, and those that other installed packages announce."""

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from importlib.metadata import EntryPoint, entry_points

from labelcycle.components.core.errors import ConfigurationError, near_miss
from labelcycle.components.select.strategy import Strategy, StrategyFunction

GROUP = "labelcycle.strategies"
"""The entry-point group: the name is the strategy's, the object is the decorated function."""


class Registry(MutableMapping[str, Strategy]):
    """Strategies by name. One that another package announces is imported when it is first asked for, not before."""

    def __init__(self) -> None:
        self._known: dict[str, Strategy] = {}

    def __getitem__(self, name: str) -> Strategy:
        if name not in self._known:
            self._load(_announced()[name])
        return self._known[name]

    def __setitem__(self, name: str, chosen: Strategy) -> None:
        self._known[name] = chosen

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in _announced()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._known.keys() | _announced().keys()))

    def __len__(self) -> int:
        return len(self._known.keys() | _announced().keys())

    def imported(self, name: str) -> bool:
        """Whether the strategy is at hand without importing another package."""
        return name in self._known

    def _load(self, announced: EntryPoint) -> None:
        """Import the module that an entry point names; the decorator in it registers the strategy.

        Raises:
            ConfigurationError: the import fails, or registers no strategy of that name.
        """
        package = announced.dist.name if announced.dist else "an installed package"
        try:
            announced.load()
        except Exception as error:  # whatever another package's module may raise
            raise ConfigurationError(
                f"Strategy {announced.name!r} of {package} cannot be imported from {announced.value}: {error!r}. "
                "Update or uninstall that package."
            ) from error
        if announced.name not in self._known:
            raise ConfigurationError(
                f"Entry point {announced.name!r} of {package} names {announced.value}, which registers no strategy of "
                "that name. Decorate a function of that name with @strategy."
            )


STRATEGIES = Registry()
"""All registered strategies, by name."""


def registered(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        ConfigurationError: there is none, or its package cannot be imported.
    """
    if name not in STRATEGIES:
        raise ConfigurationError(
            f"There is no strategy {name!r}.{near_miss(name, STRATEGIES)} Choose one of: {', '.join(STRATEGIES)}."
        )
    return STRATEGIES[name]


def strategies_with(parameters: Collection[str]) -> list[str]:
    """The names of the strategies that have all these parameters, but for those of packages not imported yet."""
    return [
        name for name in STRATEGIES if STRATEGIES.imported(name) and STRATEGIES[name].parameters.issuperset(parameters)
    ]


def strategy(
    *,
    needs: AbstractSet[str] = frozenset(),
    uses: AbstractSet[str] = frozenset(),
    options: Mapping[str, AbstractSet[str]] | None = None,
    of_last_layer: bool | None = None,
    version: int = 1,
) -> Callable[[StrategyFunction], StrategyFunction]:
    """Register a function as a strategy under its own name.

    Args:
        needs: the optional fields of `Candidates` without which it cannot work; asking for it without them is refused.
        uses: the optional fields that it takes into account where they are given.
        options: for parameters that switch something on, the fields that it needs besides when they are set.
        of_last_layer: whether it reads features as the model's last layer sees them, where there is a hidden layer
            before, instead of those of the feature space; by default where it reads `head`, which takes the former.
        version: of the algorithm; raise it by one where the same inputs will give other picks or another order, so that
            earlier cycles are not compared with it.

    Raises:
        ConfigurationError: another module has registered a strategy of that name, or the version is below 1.
    """
    if version < 1:
        raise ConfigurationError(f"The version of a strategy is 1 or more; got {version}.")
    switched = {name: frozenset(fields) for name, fields in (options or {}).items()}

    def register(choose: StrategyFunction) -> StrategyFunction:
        name = choose.__name__
        if name in STRATEGIES._known and STRATEGIES[name].choose.__module__ != choose.__module__:
            raise ConfigurationError(
                f"{choose.__module__} registers a strategy {name!r}, and so does {STRATEGIES[name].choose.__module__}. "
                "Rename one of them."
            )
        last = "head" in needs | uses if of_last_layer is None else of_last_layer
        STRATEGIES[name] = Strategy(name, choose, frozenset(needs), frozenset(uses), switched, last, version)
        return choose

    return register


def _announced() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=GROUP)}
