"""Run one arm and keep its results, unless they are there already."""

import json
import traceback
from dataclasses import asdict, dataclass

from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.errors import CampaignError, LabelcycleError
from labelcycle.components.core.runtime.observation import emit, observed
from labelcycle.components.core.storage import Store, open_store
from labelcycle.pipelines.backtest.backtest_plan import Arm, BacktestPlan, Measured, read_plan
from labelcycle.pipelines.backtest.labelled_history import read_history

PROGRESS = "arm"
"""The event that reports how far an arm is."""


@dataclass(frozen=True)
class Outcome(Facts):
    """What became of an arm.

    Attributes:
        arm: its name.
        cycles: what was measured, in order; empty where it failed.
        error: why it failed; empty where it did not.
    """

    arm: str
    cycles: list[Measured]
    error: str = ""


@observed
def run(root: str, plan: str, arm: str) -> Outcome:
    """Run an arm. One whose strategy fails is an outcome too, so that the other arms go on.

    Args:
        root: the backtest's folder or S3 prefix.
        plan: the plan's name.
        arm: the arm's name in the plan.

    Raises:
        CampaignError: no such plan or arm.

    Cost: that of `simulate`; nothing where the results are there.
    """
    store = open_store(root)
    settings = read_plan(store, plan)
    wanted = {found.name: found for found in settings.arms()}.get(arm)
    if wanted is None:
        raise CampaignError(f"Plan {plan} at {store.root} has no arm {arm!r}. Start again with: labelcycle backtest …")
    outcome = read_outcome(store, wanted)
    if outcome is None or outcome.error:
        outcome = _run(store, settings, wanted)
        store.write(_key(wanted), canonical_json(asdict(outcome)))
    last = outcome.cycles[-1] if outcome.cycles else None
    emit(
        PROGRESS,
        arm=arm,
        title=wanted.title,
        done=settings.cycles,
        ended=True,
        labels=last and last.labels,
        accuracy=last and last.accuracy,
        error=outcome.error,
    )
    return outcome


def read_outcome(store: Store, arm: Arm) -> Outcome | None:
    """What became of an arm, or None where it has not ended.

    Raises:
        CampaignError: its file is damaged.
    """
    try:
        content = json.loads(store.read(_key(arm)))
        return Outcome(content["arm"], [Measured(**cycle) for cycle in content["cycles"]], content["error"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CampaignError(f"{store.locate(_key(arm))} is damaged. Delete it and run again.") from error


def _run(store: Store, plan: BacktestPlan, arm: Arm) -> Outcome:
    from labelcycle.pipelines.backtest.simulate import (
        simulate,
    )  # brings the strategies, which arms that are kept do without

    history = read_history(store, plan.history, plan.source, plan.classes)

    def report(measured: Measured) -> None:
        emit(PROGRESS, arm=arm.name, title=arm.title, done=measured.cycle, ended=False)

    try:
        return Outcome(arm.name, simulate(history, plan, arm, report))
    except LabelcycleError as error:
        return Outcome(arm.name, [], str(error))
    except Exception as error:  # whatever the code of a strategy may raise
        traceback.print_exc()
        return Outcome(arm.name, [], f"{type(error).__name__}: {error}")


def _key(arm: Arm) -> str:
    return f"arms/{arm.name}.json"
