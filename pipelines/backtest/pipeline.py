"""A backtest as one pipeline run: the arms fan out, and their results are gathered."""

from kfp import dsl

from labelcycle.pipelines.backtest.component import backtest_arm, backtest_report

ARMS_AT_ONCE = 16
"""What a cluster runs at a time; kfp.local runs two."""


@dsl.pipeline(name="labelcycle-backtest", description="Which strategy would have saved the most labels?")
def backtest(root: str, plan: str, arms: list[str], mlflow_root: str = "") -> None:
    """Run the arms of a plan side by side, then report.

    Args:
        root: the backtest's folder or S3 prefix.
        plan: the plan's name there.
        arms: names of arms in the plan, at least one, because a loop over nothing fails.
        mlflow_root: the root whose MLflow is told, where the environment names no other; empty to tell none.
    """
    with dsl.ParallelFor(arms, parallelism=ARMS_AT_ONCE) as arm:
        ended = backtest_arm(root=root, plan=plan, arm=arm)
        ended.set_caching_options(False)
    report = backtest_report(root=root, plan=plan, mlflow_root=mlflow_root, ended=dsl.Collected(ended.output))
    report.set_caching_options(False)
