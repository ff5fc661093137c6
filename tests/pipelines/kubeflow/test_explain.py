"""What a package will do is read out of the package."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.pipelines.kubeflow.explain import Run, explain
from labelcycle.pipelines.kubeflow.package import write_package
from labelcycle.pipelines.profiles.profile import all_profiles, read_profile


def test_a_cycle(tmp_path: Path) -> None:
    path = tmp_path / "cycle.yaml"
    write_package("cycle", path, read_profile("gpu"), "python:1")
    told = explain(path)
    assert (told.name, told.size) == ("labelcycle-cycle", path.stat().st_size)
    assert told.parameters["root"] == "required" and told.parameters["shards"] == "4"
    stages = [pod.path.rpartition(" / ")[2] for pod in told.pods]
    assert sorted(stages[:4]) == ["embed", "label_ingest", "publish", "select"]
    assert sorted(stages[4:]) == ["embed", "embed", "evaluate", "publish", "score", "select", "train_adapter"]
    embed = next(pod for pod in told.pods if "train / embed tuned" in pod.path)
    assert (embed.each, embed.image, embed.accelerator) == ("shard_numbers", "python:1-cuda", "1 nvidia.com/gpu")
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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, packages: Callable[..., None]) -> list[list[Run]]:
    """What a run of a cycle may become, with every profile."""
    path = tmp_path_factory.mktemp("packages") / "cycle.yaml"
    found = []
    for profile in all_profiles():
        packages("cycle", path, profile, "labelcycle-python:0.1.0")
        found.append(explain(path).runs)
    return found


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
    runs: list[list[Run]], condition: str, shards: int, remembered: list[str], pods: int, stages: int, drivers: int
) -> None:
    """Counted in a cluster with Kubeflow Pipelines 2.17.0 and Argo 4.0.5, whatever the profile."""
    for of_profile in runs:
        assert [run.condition for run in of_profile] == ["", "cold-start", "train"]
        [run] = [run for run in of_profile if run.condition == condition]
        count = run.count({"shard_numbers": shards}, remembered)
        assert (count.pods, count.stages, count.drivers) == (pods, stages, drivers)


def test_one_shard_is_what_is_told_and_each_further_one_is_three_pods_a_loop(runs: list[list[Run]]) -> None:
    assert [run.count().pods for run in runs[0]] == [6, 15, 29]
    assert [run.count({"shard_numbers": 2}).pods - run.count().pods for run in runs[0]] == [0, 3, 9]


def test_a_backtest(tmp_path: Path) -> None:
    path = tmp_path / "backtest.yaml"
    write_package("backtest", path, read_profile("small"), "python:1")
    told = explain(path)
    assert [(pod.path, pod.each) for pod in told.pods] == [("backtest_arm", "arms"), ("backtest_report", "")]
    [run] = told.runs
    assert (run.condition, run.lists) == ("", ("arms",))
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
