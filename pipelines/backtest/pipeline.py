"""A backtest as one pipeline run: the arms fan out as components, and their results are gathered."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from labelcycle.components.core.runtime.kfp_component import stage
from labelcycle.pipelines.cluster import SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET
from labelcycle.pipelines.placing import PlacePod, unplaced


@stage
def backtest_arm(root: str, plan: str, arm: str) -> str:
    """Simulate a campaign with one strategy and one seed. Returns `failed` if its strategy failed, else nothing."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.pipelines.backtest.arm import run

    return with_retries(run)(root=root, plan=plan, arm=arm).error and "failed"


@stage
def backtest_report(root: str, plan: str, mlflow_root: str, ended: list[str], table: dsl.Output[dsl.Markdown]) -> str:
    """Put all arms side by side. Returns the answer in a sentence."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.pipelines.backtest.report import run

    return with_retries(run)(root=root, plan=plan, mlflow_root=mlflow_root, markdown=table.path).verdict


ARMS_AT_ONCE = 16
"""What a cluster runs at a time; this machine runs two."""


def backtest_pipeline(place: PlacePod = unplaced) -> Callable[..., Any]:
    """The pipeline of a backtest.

    Args:
        place: called with every task, to ask for what the task's pod needs.
    """

    @dsl.pipeline(name="labelcycle-backtest", description="Which strategy would have saved the most labels?")
    def backtest(
        root: str,
        plan: str,
        arms: list[str],
        mlflow_root: str = "",
        storage_secret: str = STORAGE_SECRET,
        tracking_secret: str = TRACKING_SECRET,
        settings_map: str = SETTINGS_MAP,
    ) -> None:
        """Run the arms of a plan side by side, then report.

        Args:
            root: the backtest's folder or S3 prefix.
            plan: the plan's name there.
            arms: names of arms in the plan, at least one, because a loop over nothing fails.
            mlflow_root: the root whose MLflow records the results unless the environment names another; empty for none.
            storage_secret: Kubernetes secret with the object store's credentials.
            tracking_secret: Kubernetes secret with the MLflow server's credentials.
            settings_map: Kubernetes ConfigMap with the addresses of both.
        """
        names = {"storage_secret": storage_secret, "settings_map": settings_map}
        with dsl.ParallelFor(arms, parallelism=ARMS_AT_ONCE) as arm:
            ended = backtest_arm(root=root, plan=plan, arm=arm)
            ended.set_caching_options(False)
            place(ended, "backtest_arm", **names)
        report = backtest_report(root=root, plan=plan, mlflow_root=mlflow_root, ended=dsl.Collected(ended.output))
        report.set_caching_options(False)
        place(report, "backtest_report", tracking_secret=tracking_secret, **names)

    return backtest  # type: ignore[no-any-return]


backtest = backtest_pipeline()
"""The pipeline with nothing asked of a cluster."""
