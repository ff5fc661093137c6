"""Run a backtest on this machine: plan it, run the arms that have not ended, and read the standings."""

import os

from labelcycle.components.core.observation import notice
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest.arm import read_outcome
from labelcycle.pipelines.backtest.plan import Plan, write_plan
from labelcycle.pipelines.backtest.report import gather
from labelcycle.pipelines.backtest.standings import Standings
from labelcycle.pipelines.backtest.watch import ArmsWatcher
from labelcycle.pipelines.local import run_pipeline

AT_ONCE = 2
"""How many arms kfp.local runs side by side."""


def run_backtest(root: str, plan: Plan, mlflow_root: str) -> Standings:
    """Run a backtest through kfp.local. Arms that have ended without an error are not run again.

    Args:
        root: the backtest's folder or S3 prefix, which holds the plan's history.
        plan: what to run.
        mlflow_root: the root whose MLflow is told, where the environment names no other; empty to tell none.

    Raises:
        TransientError: an arm died without a word; those that ended are kept.
    """
    from labelcycle.pipelines.backtest.pipeline import backtest

    store = open_store(root)
    arms = [arm.name for arm in plan.arms()]
    ended = {arm.name: outcome for arm in plan.arms() if (outcome := read_outcome(store, arm)) is not None}
    missing = [name for name in arms if name not in ended or ended[name].error]
    if len(missing) < len(arms):
        notice(f"{len(arms) - len(missing)} of {len(arms)} arms have ended already and are not run again.")
    wanted = missing or arms[:1]  # a loop over nothing fails; an arm that has ended only says so
    arguments = {"root": root, "plan": write_plan(store, plan), "arms": wanted, "mlflow_root": mlflow_root}
    run_pipeline(backtest, arguments, lambda events: ArmsWatcher(events, len(wanted), plan.cycles), _threads())
    return gather(store, plan)


def _threads() -> dict[str, str]:
    """Share the cores between the arms that run at once, unless the user has shared them."""
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // AT_ONCE))}
