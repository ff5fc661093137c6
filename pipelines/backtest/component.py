"""The parts of a backtest as Kubeflow Pipelines components."""

from kfp import dsl

from labelcycle.components.core.kfp import stage


@stage
def backtest_arm(root: str, plan: str, arm: str) -> str:
    """Simulate a campaign with one strategy and one seed. Returns `failed` if its strategy failed, else nothing."""
    from labelcycle.components.core.retries import with_retries
    from labelcycle.pipelines.backtest.arm import run

    return with_retries(run)(root=root, plan=plan, arm=arm).error and "failed"


@stage
def backtest_report(root: str, plan: str, mlflow_root: str, ended: list[str], table: dsl.Output[dsl.Markdown]) -> str:
    """Put all arms side by side. Returns the answer in a sentence."""
    from labelcycle.components.core.retries import with_retries
    from labelcycle.pipelines.backtest.report import run

    return with_retries(run)(root=root, plan=plan, mlflow_root=mlflow_root, markdown=table.path).verdict
