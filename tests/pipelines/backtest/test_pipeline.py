"""The backtest pipeline: arms fan out by a loop, the report waits for all, and what is compiled is valid."""

from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler
from kfp.pipeline_spec import pipeline_spec_pb2

from labelcycle.components.core.config.environment import IMAGE
from labelcycle.pipelines.backtest.pipeline import ARMS_AT_ONCE, backtest


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("compiled") / "backtest.yaml"
    compiler.Compiler().compile(backtest, str(path))
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def test_it_is_a_valid_pipeline_for_one_image(compiled: dict[str, Any]) -> None:
    spec = json_format.ParseDict(compiled, pipeline_spec_pb2.PipelineSpec(), ignore_unknown_fields=False)
    assert spec.pipeline_info.name == "labelcycle-backtest"
    executors = compiled["deploymentSpec"]["executors"].values()
    assert [executor["container"]["image"] for executor in executors] == [IMAGE] * 2


def test_arms_are_a_loop_and_the_report_waits_for_it(compiled: dict[str, Any]) -> None:
    tasks = compiled["root"]["dag"]["tasks"]
    loop = tasks["for-loop-1"]
    assert loop["parameterIterator"]["items"] == {"inputParameter": "pipelinechannel--arms"}
    assert loop["iteratorPolicy"] == {"parallelismLimit": ARMS_AT_ONCE}
    assert tasks["backtest-report"]["dependentTasks"] == ["for-loop-1"]


def test_nothing_is_cached(compiled: dict[str, Any]) -> None:
    """The platform cannot see what the arms read below the root."""
    tasks = [compiled["root"]["dag"]["tasks"]["backtest-report"]]
    tasks.append(compiled["components"]["comp-for-loop-1"]["dag"]["tasks"]["backtest-arm"])
    assert [task["cachingOptions"] for task in tasks] == [{}, {}]
