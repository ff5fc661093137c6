"""Gather what the arms found: table, curves, results and summary, in the backtest's folder and in MLflow."""

from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.runtime.observation import notice, observed
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.tables import table_bytes
from labelcycle.pipelines.backtest.arm import Outcome, read_outcome
from labelcycle.pipelines.backtest.backtest_plan import BacktestPlan, read_plan
from labelcycle.pipelines.backtest.leaderboard import Leaderboard, leaderboard

CURVES, SUMMARY, TABLE, RESULTS = "curves.png", "summary.json", "summary.md", "results.parquet"


@dataclass(frozen=True)
class Reported(Facts):
    """Where the report is, what it says in a sentence, and how many arms failed."""

    curves: str
    summary: str
    table: str
    results: str
    verdict: str
    failed: int


@observed
def run(root: str, plan: str, mlflow_root: str, markdown: str = "") -> Reported:
    """Write the report of a plan whose arms have ended. A record in MLflow that fails is a notice.

    Args:
        root: the backtest's folder or S3 prefix.
        plan: the plan's name.
        mlflow_root: the root whose MLflow records the results, unless the environment names another; empty for none.
        markdown: where to put a copy of the table for the platform's own records; empty for none.

    Raises:
        CampaignError: no such plan, or a damaged file.
    """
    store = open_store(root)
    settings = read_plan(store, plan)
    outcomes = _outcomes(store, settings)
    found = leaderboard(settings, outcomes)
    files = report_files(settings, outcomes, found)
    for name, data in files.items():
        store.write(name, data)
    if markdown:
        Path(markdown).parent.mkdir(parents=True, exist_ok=True)
        Path(markdown).write_bytes(files[TABLE])
    if mlflow_root:
        from labelcycle.pipelines.backtest.record import record_backtest

        try:
            record_backtest(mlflow_root, found, files)
        except LabelcycleError as error:
            notice(f"MLflow has no record of this backtest: {error}")
    return Reported(
        curves=store.locate(CURVES),
        summary=store.locate(SUMMARY),
        table=store.locate(TABLE),
        results=store.locate(RESULTS),
        verdict=found.verdict,
        failed=len(found.failures),
    )


def gather(store: Store, plan: BacktestPlan) -> Leaderboard:
    """The entries of a plan's arms that have ended."""
    return leaderboard(plan, _outcomes(store, plan))


def report_files(plan: BacktestPlan, outcomes: dict[str, Outcome], found: Leaderboard) -> dict[str, bytes]:
    """Every file of the report, by name."""
    from labelcycle.pipelines.backtest.leaderboard_table import as_markdown
    from labelcycle.pipelines.backtest.plot import draw_curves

    return {
        RESULTS: table_bytes(_results(plan, outcomes)),
        CURVES: draw_curves(found),
        TABLE: as_markdown(found).encode(),
        SUMMARY: canonical_json(found.as_facts()),
    }


def _outcomes(store: Store, plan: BacktestPlan) -> dict[str, Outcome]:
    found = {arm.name: read_outcome(store, arm) for arm in plan.arms()}
    return {name: outcome for name, outcome in found.items() if outcome is not None}


def _results(plan: BacktestPlan, outcomes: dict[str, Outcome]) -> pa.Table:
    """One row a trained cycle of each arm."""
    rows: list[dict[str, object]] = [
        {"strategy": arm.compared.chooser.title, "seed": arm.seed, **asdict(cycle)}
        for arm in plan.arms()
        if arm.name in outcomes
        for cycle in outcomes[arm.name].cycles
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


SCHEMA = pa.schema(
    [
        pa.field("strategy", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("cycle", pa.int32(), nullable=False),
        pa.field("labels", pa.int64(), nullable=False),
        pa.field("accuracy", pa.float64(), nullable=False),
        pa.field("macro_f1", pa.float64(), nullable=False),
        pa.field("training_seconds", pa.float64(), nullable=False),
        pa.field("selection_seconds", pa.float64(), nullable=False),
    ]
)
