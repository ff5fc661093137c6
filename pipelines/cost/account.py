"""The account of a campaign: labels, seconds and money cycle by cycle, beside a random campaign where there is one."""

import shlex
from dataclasses import asdict, dataclass, replace

import pyarrow.compute as pc

from labelcycle.components.analysis.cost import CycleCost, Spent, cycle_costs, sum_by_part
from labelcycle.components.analysis.savings import (
    AverageSaving,
    Saving,
    average_saving,
    cycles_until,
    learning_curve,
    savings,
)
from labelcycle.components.core.campaign.campaign import Campaign, Prices
from labelcycle.components.core.campaign.cycle_metrics import last_metrics
from labelcycle.components.core.campaign.label_quality import RecheckFigures
from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.campaign.price_history import prices_by_cycle
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.runtime.timings import read_timings
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.concurrent_reads import concurrently


@dataclass(frozen=True)
class Compared:
    """A cycle beside the random campaign.

    Attributes:
        saving: random labels needed for the same accuracy, and the saving ratio, with the sign of a bound.
        cost: of as many random labels, and of the random campaign's computing until it had them, at the prices of the
            campaign that is compared; a bound where `saving` is one.
    """

    saving: Saving
    cost: float


@dataclass(frozen=True)
class Row:
    """One cycle.

    Attributes:
        cycle: from 0.
        labels: usable ones so far; None while the cycle is under way.
        accuracy: on the test set; None for the cold start and while the cycle is under way.
        final: whether it trained the final model.
        recorded: whether there is any record of its seconds.
        cost: labels and computing.
        compared: with the random campaign; None without one, and for cycles that are no point of the learning curve.
    """

    cycle: int
    labels: int | None
    accuracy: float | None
    final: bool
    recorded: bool
    cost: CycleCost
    compared: Compared | None = None

    @property
    def under_way(self) -> bool:
        """Whether the cycle has no commit yet."""
        return self.labels is None


@dataclass(frozen=True)
class Account:
    """All cycles of a campaign.

    Attributes:
        campaign: its description.
        prices: what the last cycle is reckoned at.
        rows: cycle by cycle, that which is under way last.
        earlier: how many cycles are reckoned at other prices, since these were amended.
        rechecks: how many of the labels were asked for again; None where none was.
    """

    campaign: Campaign
    prices: Prices
    rows: list[Row]
    earlier: int = 0
    rechecks: RecheckFigures | None = None


@dataclass(frozen=True)
class CostComparison:
    """A campaign's account beside that of a random one.

    Attributes:
        account: the campaign's, whose rows are compared.
        random: the other's, at the present prices of the first.
        average: saving over the cycles whose labels the strategy chose; None while there is none.
    """

    account: Account
    random: Account
    average: AverageSaving | None


def account_of(root: str, prices: Prices | None = None) -> Account:
    """The account of the campaign at `root`, which may be running.

    Args:
        root: the campaign's folder or S3 prefix.
        prices: others than the campaign's own.

    Raises:
        CampaignError: no campaign there, or it has trained no model yet.

    Cost: reads the commits and summaries, the last metrics, and a small object for each run of a stage.
    """
    store = open_store(root)
    return _account(store, _trained_state(store), prices)


def compare(root: str, against: str) -> CostComparison:
    """The account of the campaign at `root` beside that of the random campaign at `against`.

    Raises:
        CampaignError: no campaign at one of them, or it has trained no model yet.
        ConfigurationError: the two have other classes or another test set.
    """
    stores = open_store(root), open_store(against)
    state, other = (_trained_state(store) for store in stores)
    _refuse_others(stores[0], state.campaign, stores[1], other.campaign)
    account = _account(stores[0], state)
    random = _account(stores[1], other, account.prices)
    for compared, where in ((state, stores[0]), (other, stores[1])):
        if not compared.measured:
            raise ConfigurationError(
                f"{where.root} has no accuracy that a test set measured, so nothing can be compared. Compare campaigns "
                "with a test set."
            )
    found = savings(learning_curve(state), learning_curve(other))
    points = dict(zip((summary.cycle for summary in state.measured), found, strict=True))
    rows = [
        replace(row, compared=Compared(points[row.cycle], _cost_by_random(random, points[row.cycle])))
        if row.cycle in points
        else row
        for row in account.rows
    ]
    chosen = found[1 if _begin_alike(state.campaign, other.campaign) else 0 :]
    return CostComparison(replace(account, rows=rows), random, average_saving(chosen) if chosen else None)


def as_facts(account: Account, comparison: CostComparison | None) -> dict[str, object]:
    """Plain values for machines; costs run up from cycle to cycle, seconds are those of each cycle."""
    together = sum_by_part(row.cost for row in account.rows)
    return {
        "campaign": account.campaign.identifier,
        "prices": account.prices.model_dump(mode="json"),
        "cycles": [_row_facts(row) for row in account.rows],
        "seconds": {part: asdict(used) for part, used in together.items()},
        "label_cost": account.rows[-1].cost.label_cost,
        "compute_cost": account.rows[-1].cost.compute_cost,
        "overall_cost": account.rows[-1].cost.overall_cost,
        "rechecks": None if account.rechecks is None else account.rechecks.as_json(),
        "against": None if comparison is None else _comparison_facts(comparison),
    }


def _trained_state(store: Store) -> State:
    state = read_state(store)
    if not state.trained:
        raise CampaignError(
            f"{store.root} has no trained cycle yet. Run it first: labelcycle run {shlex.quote(store.root)}"
        )
    return state


def _account(store: Store, state: State, prices: Prices | None = None) -> Account:
    campaign = state.campaign
    of_each = [*prices_by_cycle(state), campaign.prices] if prices is None else [prices] * (len(state.commits) + 1)
    prices = prices or campaign.prices
    count = len(state.commits)
    timings = concurrently(lambda cycle: read_timings(store, cycle), range(count + 1))
    backbones = [commit.objects.get("backbone") for commit in state.commits]
    spent = []
    for cycle, summary in enumerate(state.summaries):
        tuned = backbones[cycle] is not None and backbones[cycle] != (backbones[cycle - 1] if cycle else None)
        full = campaign.recipe.trains_on_images or summary.final or tuned
        spent.append(Spent(cycle, summary.answers, timings[cycle], full))
    if timings[count]:
        spent.append(Spent(count, state.summaries[-1].answers, timings[count], campaign.recipe.trains_on_images))
    rows = []
    for cost in cycle_costs(spent, of_each[: len(spent)]):
        done = state.summaries[cost.cycle] if cost.cycle < count else None
        rows.append(
            Row(
                cycle=cost.cycle,
                labels=done.labels if done else None,
                accuracy=done.accuracy if done else None,
                final=done is not None and done.final,
                recorded=bool(timings[cost.cycle]),
                cost=cost,
            )
        )
    metrics = last_metrics(store, state.commits)
    return Account(
        campaign,
        prices,
        rows,
        earlier=sum(price != prices for price in of_each[: len(spent)]),
        rechecks=None if metrics is None else metrics.rechecks,
    )


def _refuse_others(store: Store, campaign: Campaign, other_store: Store, other: Campaign) -> None:
    if campaign.classes != other.classes:
        raise ConfigurationError(
            f"{store.root} and {other_store.root} have different classes, so their accuracies cannot be compared. "
            "Start the random campaign on the same data, with the same --classes."
        )
    if _test_set(store, campaign) != _test_set(other_store, other):
        raise ConfigurationError(
            f"{store.root} and {other_store.root} have different test sets, so their accuracies cannot be compared. "
            "Start the random campaign with the same --test, or the same --test-share and --seed."
        )


def _test_set(store: Store, campaign: Campaign) -> dict[str, str]:
    pool, truth = load_pool(store, campaign), load_truth(store, campaign)
    testing = pool.filter(pc.equal(pool["split"], "test"))["sample_id"].to_pylist()
    return {name: truth.get(name, "") for name in testing}


def _begin_alike(campaign: Campaign, other: Campaign) -> bool:
    """Whether the first labels of both are chosen in the same way, so that the first trained cycle says nothing."""
    return (campaign.recipe.cold_start, campaign.initial) == (other.recipe.cold_start, other.initial)


def _cost_by_random(random: Account, saving: Saving) -> float:
    trained = [row for row in random.rows if row.accuracy is not None and not row.final]
    until = cycles_until([row.labels or 0 for row in trained], saving.equivalent_labels)
    return random.prices.of_labels(saving.equivalent_labels) + trained[until - 1].cost.compute_cost


def _row_facts(row: Row) -> dict[str, object]:
    cost = row.cost
    facts: dict[str, object] = {
        "cycle": row.cycle,
        "labels": row.labels,
        "answers": cost.answers,
        "accuracy": row.accuracy,
        "final": row.final,
        "under_way": row.under_way,
        "seconds": {part: asdict(used) for part, used in cost.used.items()},
        "total_seconds": asdict(cost.total),
        "label_cost": cost.label_cost,
        "compute_cost": cost.compute_cost,
        "overall_cost": cost.overall_cost,
    }
    if row.compared is not None:
        saving = row.compared.saving
        facts |= {
            "equivalent_labels": saving.equivalent_labels,
            "saving_ratio": saving.ratio,
            "sign": saving.sign,
            "cost_by_random": row.compared.cost,
        }
    return facts


def _comparison_facts(comparison: CostComparison) -> dict[str, object]:
    average, other = comparison.average, comparison.random.campaign
    return {
        "campaign": other.identifier,
        "strategy": other.recipe.selector.strategy,
        "average_saving": None if average is None else {**asdict(average), "lower_bound": average.lower_bound},
    }
