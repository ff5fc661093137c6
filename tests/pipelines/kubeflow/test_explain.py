"""What a package will do is read out of the package."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.pipelines.kubeflow.explain import Run, explain
from labelcycle.pipelines.kubeflow.package import PipelineName, write_package
from labelcycle.pipelines.profiles.profile import all_profiles, read_profile


def test_a_cycle(tmp_path: Path) -> None:
    path = tmp_path / "cycle.yaml"
    write_package("cycle", path, read_profile("gpu"), "python:1", shards=1)
    told = explain(path)
    assert (told.name, told.size) == ("labelcycle-cycle", path.stat().st_size)
    assert told.parameters["root"] == "required" and told.parameters["shards"] == "1"
    stages = [pod.path.rpartition(" / ")[2] for pod in told.pods]
    assert sorted(stages[:4]) == ["embed base", "label_ingest", "publish", "select"]
    trained = ["embed base", "embed tuned", "evaluate", "publish", "score", "select", "train_adapter"]
    assert sorted(stages[4:]) == trained
    embed = next(pod for pod in told.pods if pod.path == "train / embed tuned")
    assert (embed.each, embed.image, embed.accelerator) == ("", "python:1-cuda", "1 nvidia.com/gpu")
    assert (embed.cpu, embed.memory, embed.retries, embed.timeout, embed.pod_timeout, embed.cached) == (
        "4 to 8",
        "8Gi to 16Gi",
        2,
        21600,
        22500,
        True,
    )
    publish = next(pod for pod in told.pods if pod.path.endswith("train / publish"))
    assert (publish.each, publish.image, publish.accelerator, publish.cached) == ("", "python:1", "", False)
    assert told.pods.index(embed) < told.pods.index(publish)


Compiled = Callable[..., list[Run]]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """A function: how a cycle is compiled → what a run of it may become: nothing, a cold start, a training."""
    path = tmp_path_factory.mktemp("packages") / "cycle.yaml"

    def runs(name: PipelineName = "cycle", profile: str = "small", **how: Any) -> list[Run]:
        write_package(name, path, read_profile(profile), "labelcycle-python:0.1.0", **how)
        return explain(path).runs

    return runs


@pytest.mark.parametrize(
    ("how", "pods", "levels"),
    [
        pytest.param({"shards": 1}, [5, 11, 19], [4, 10, 16], id="one shard"),
        pytest.param({"shards": 1, "features_stay": True}, [5, 11, 17], [4, 10, 14], id="features stay"),
        pytest.param({"shards": 1, "tells_of_failures": True}, [8, 14, 22], [7, 13, 19], id="failures are told"),
        pytest.param({"shards": 2}, [5, 13, 25], [4, 10, 16], id="two shards"),
        pytest.param({"shards": 2, "features_stay": True}, [5, 13, 21], [4, 10, 14], id="two, features stay"),
    ],
)
def test_a_cycle_in_a_few_shards_has_few_pods_and_no_loop(
    compiled: Compiled, how: dict[str, Any], pods: list[int], levels: list[int]
) -> None:
    runs = compiled(**how)
    assert [run.condition for run in runs] == ["", "cold-start", "train"]
    assert [run.count().pods for run in runs] == pods and [run.levels for run in runs] == levels
    assert not any(run.lists for run in runs)


@pytest.mark.parametrize("profile", [profile.name for profile in all_profiles()])
def test_a_cycle_in_any_number_of_shards(compiled: Compiled, profile: str) -> None:
    runs = compiled("cycle_in_shards", profile)
    assert [run.count().pods for run in runs] == [5, 14, 28]
    assert [run.count({"shard_numbers": 2}).pods - run.count().pods for run in runs] == [0, 3, 9]
    assert [run.levels for run in runs] == [4, 13, 25]


REAL = Path(__file__).with_name("package_of_0_1.yaml")
"""The cycle as version 0.1 compiled it, whose pods were counted in a cluster."""

EMBEDDED = ["labelcycle-attempt / train / embed base / embed"]


@pytest.mark.parametrize(
    ("condition", "shards", "remembered", "pods", "stages", "drivers"),
    [
        pytest.param("", 1, [], 6, 1, 5, id="labels are awaited"),
        pytest.param("cold-start", 2, [], 18, 5, 13, id="cold start"),
        pytest.param("train", 2, EMBEDDED, 36, 9, 27, id="trained, embedded by an earlier run of the attempt"),
        pytest.param("train", 4, [], 56, 17, 39, id="trained, four shards"),
    ],
)
def test_pods_of_a_run_are_those_of_real_runs(
    condition: str, shards: int, remembered: list[str], pods: int, stages: int, drivers: int
) -> None:
    """Counted in a cluster with Kubeflow Pipelines 2.17.0 and Argo 4.0.5."""
    [run] = [run for run in explain(REAL).runs if run.condition == condition]
    count = run.count({"shard_numbers": shards}, remembered)
    assert (count.pods, count.stages, count.drivers) == (pods, stages, drivers)


def test_a_backtest(tmp_path: Path) -> None:
    path = tmp_path / "backtest.yaml"
    write_package("backtest", path, read_profile("small"), "python:1")
    told = explain(path)
    assert [(pod.path, pod.each) for pod in told.pods] == [("backtest_arm", "arms"), ("backtest_report", "")]
    [run] = told.runs
    assert (run.condition, run.lists, run.levels) == ("", ("arms",), 7)
    assert (run.count({"arms": 7}).stages, run.count({"arms": 7}).drivers) == (8, 1 + 1 + 7 + 7 + 1)


@pytest.mark.parametrize(
    "content", [b"", b"a: 1\n", b"- 1\n", b"\xff\xfe", b"a: [", b"root: 1\npipelineInfo: {name: x}\n"]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other.yaml is no compiled pipeline. Write one with `labelcycle compile"):
        explain(path)
    with pytest.raises(InputError, match="nothing.yaml is no compiled pipeline"):
        explain(tmp_path / "nothing.yaml")
