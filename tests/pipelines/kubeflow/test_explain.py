"""What a package will do is read out of the package."""

from pathlib import Path

import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.pipelines.kubeflow.explain import explain
from labelcycle.pipelines.kubeflow.package import write_package
from labelcycle.pipelines.profiles.profile import read_profile


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
    assert (embed.cpu, embed.memory, embed.retries, embed.timeout, embed.cached) == (
        "4 to 8",
        "8Gi to 16Gi",
        2,
        21600,
        True,
    )
    publish = next(pod for pod in told.pods if pod.path.endswith("train / publish"))
    assert (publish.each, publish.image, publish.accelerator, publish.cached) == ("", "python:1", "", False)
    assert told.pods.index(embed) < told.pods.index(publish)


def test_a_backtest(tmp_path: Path) -> None:
    path = tmp_path / "backtest.yaml"
    write_package("backtest", path, read_profile("small"), "python:1")
    told = explain(path)
    assert [(pod.path, pod.each) for pod in told.pods] == [("backtest_arm", "arms"), ("backtest_report", "")]


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
