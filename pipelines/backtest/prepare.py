"""From the user's request to a plan: check strategies, recipe, history and sizes together, and store the history."""

from dataclasses import dataclass, field
from itertools import islice, takewhile

from pydantic import ValidationError

from labelcycle.components.core.campaign.campaign import Prices, load_campaign
from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.config.recipe import Recipe, Schedule, describe
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.trainers import FeatureTrainer
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest.arms import compared_strategies
from labelcycle.pipelines.backtest.backtest_plan import BacktestPlan
from labelcycle.pipelines.backtest.labelled_history import (
    LabelledHistory,
    history_from_campaign,
    history_from_embeddings,
    write_history,
)
from labelcycle.pipelines.recipes.catalogue import recipe_path

RECIPE, BATCH, CYCLES = "uherding", 50, 10
"""What a backtest on embeddings uses unless set otherwise; one on a campaign begins from the campaign's settings."""


@dataclass(frozen=True)
class BacktestRequest:
    """What the user asked for; the flags of `labelcycle backtest`. None stands for a default that depends on others."""

    out: str
    root: str | None = None
    embeddings: str | None = None
    labels_from: str = ""
    test_share: float = 0.1
    split_seed: int = 0
    strategies: list[str] = field(default_factory=list)
    seeds: int = 5
    initial: int | None = None
    batch: int | None = None
    cycles: int | None = None
    cold_start: str = "random"
    recipe: str | None = None
    overrides: dict[str, object] = field(default_factory=dict)
    label_price: float | None = None
    annotators_per_label: int | None = None
    compute_price: float | None = None


@dataclass(frozen=True)
class _Defaults:
    """What a request leaves open."""

    initial: int | None
    batch: int
    prices: Prices
    recipe: Recipe | None


def prepare(request: BacktestRequest, history: LabelledHistory | None = None) -> BacktestPlan:
    """Check a request and store its history below `out`.

    Args:
        request: what is asked for.
        history: what to replay, in place of the request's root or embeddings.

    Raises:
        ConfigurationError: settings that contradict each other or the data.
        InputError: history that cannot be used.
        CampaignError: no campaign at `root`.

    Cost: reads the history once and writes it once.
    """
    if (request.root is not None) + (request.embeddings is not None) + (history is not None) != 1:
        raise ConfigurationError("A backtest replays either a campaign's ROOT or --embeddings FILE. Give one of them.")
    compared = compared_strategies(request.strategies, request.cold_start)
    defaults = _defaults(request)
    recipe = _recipe(request, defaults)
    assert isinstance(recipe.trainer, FeatureTrainer)
    if request.embeddings is not None:
        history = history_from_embeddings(
            request.embeddings, request.labels_from, request.test_share, request.split_seed
        )
    elif request.root is not None:
        history = history_from_campaign(request.root, request.labels_from)
    assert history is not None
    initial, batch, cycles = _sizes(request, defaults, history, recipe.schedule)
    try:
        return BacktestPlan(
            source=history.source,
            history=write_history(open_store(request.out), history),
            classes=history.classes,
            compared=compared,
            seeds=request.seeds,
            initial=initial,
            batch=batch,
            cycles=cycles,
            trainer=recipe.trainer,
            schedule=recipe.schedule,
            scorer=recipe.scorer if isinstance(recipe.scorer, DropoutScorer) else DropoutScorer(),
            prices=_prices(request, defaults.prices),
        )
    except ValidationError as error:
        raise ConfigurationError(f"The backtest's settings are invalid:\n{describe(error)}") from error


def _defaults(request: BacktestRequest) -> _Defaults:
    if request.root is None:
        return _Defaults(None, BATCH, Prices(), None)
    campaign = load_campaign(open_store(request.root))
    return _Defaults(campaign.initial, campaign.batch, campaign.prices, campaign.recipe)


def _recipe(request: BacktestRequest, defaults: _Defaults) -> Recipe:
    """The recipe whose trainer and schedule every arm uses."""
    if request.recipe is None and defaults.recipe is not None:
        if request.overrides:
            raise ConfigurationError("--set needs a recipe to change: add --recipe, such as uherding.")
        recipe = defaults.recipe
    else:
        recipe = read_recipe(recipe_path(request.recipe or RECIPE), request.overrides)
    if not isinstance(recipe.trainer, FeatureTrainer):
        raise ConfigurationError(
            f"Recipe {recipe.name!r} trains by {recipe.trainer.name!r}; a backtest trains heads on frozen features. "
            "Name another with --recipe, such as uherding."
        )
    return recipe


def _sizes(
    request: BacktestRequest, defaults: _Defaults, history: LabelledHistory, schedule: Schedule
) -> tuple[int, int, int]:
    """Initial query, batch and cycles, which together must fit into the pool."""
    batch = defaults.batch if request.batch is None else request.batch
    initial = request.initial
    if initial is None:
        initial = batch if request.batch is not None or defaults.initial is None else defaults.initial
    pool = len(history.pool)
    if batch < 1:
        raise ConfigurationError(f"--batch {batch}: ask for one label a cycle at least.")
    fitting = sum(1 for _ in takewhile(lambda labels: labels <= pool, schedule.labels_by_cycle(initial, batch)))
    if fitting < 2:
        raise ConfigurationError(
            f"--initial {initial} and one --batch {batch} are more labels than the {pool} of the pool. Ask for less."
        )
    if request.cycles is None:
        if fitting < CYCLES:
            notice(f"The pool of {pool} labelled samples is enough for {fitting} cycles.")
        return initial, batch, min(CYCLES, fitting)
    if request.cycles > fitting:
        wanted = next(islice(schedule.labels_by_cycle(initial, batch), request.cycles - 1, None))
        raise ConfigurationError(
            f"--cycles {request.cycles} need {wanted} labels; the pool has {pool}. "
            f"Ask for --cycles {fitting} or fewer, or for a smaller --batch."
        )
    return initial, batch, request.cycles


def _prices(request: BacktestRequest, prices: Prices) -> Prices:
    given = {
        "label": request.label_price,
        "annotators_per_label": request.annotators_per_label,
        "cpu_hour": request.compute_price,
    }
    return prices.model_copy(update={name: value for name, value in given.items() if value is not None})
