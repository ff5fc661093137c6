"""A stage as Kubeflow Pipelines starts it in a pod: its log is JSON where the pod's environment asks for it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

COMPILED = Path(__file__).parents[3] / "pipelines" / "compiled" / "cycle.yaml"


def start(executor: str, inputs: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command of a compiled component, as KFP's launcher does, with the values of its parameters.

    The first ``python3`` on the path is the one of these tests, as it is labelcycle's own in the image.
    """
    package = next(yaml.safe_load_all(COMPILED.read_text(encoding="utf-8")))
    container = package["deploymentSpec"]["executors"][executor]["container"]
    given = {"inputs": {"parameterValues": inputs}, "outputs": {"outputFile": str(folder / "outputs.json")}}
    given["outputs"]["parameters"] = {"Output": {"outputFile": str(folder / "output")}}
    return subprocess.run(
        [*container["command"], *(json.dumps(given) if word == "{{$}}" else word for word in container["args"])],
        env={name: value for name, value in os.environ.items() if name != "LABELCYCLE_EVENTS"}
        | {"LABELCYCLE_LOG": "json", "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
        capture_output=True,
        text=True,
        timeout=120,
    )


def lines(answer: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.stderr.splitlines()]


def test_a_stage(begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin()
    campaign.ingest()
    place = {"root": campaign.root, "cycle": 0, "attempt": campaign.attempt}
    answer = start("exec-embed", {**place, "target": "base", "shard": 0, "shards": 1}, tmp_path)
    assert answer.returncode == 0, answer.stderr
    found = lines(answer)
    assert [line["event"] for line in found] == ["started", "finished"]
    for line in found:
        assert (line["campaign"], line["cycle"]) == (campaign.state.campaign.identifier, 0)
        assert (line["attempt"], line["stage"], line["target"]) == (campaign.attempt, "embed", "base")


def test_a_stage_that_refuses(begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin()
    place = {"root": campaign.root, "cycle": 0, "attempt": "none"}
    answer = start("exec-embed", {**place, "target": "base", "shard": 0, "shards": 1}, tmp_path)
    started, error = lines(answer)
    assert answer.returncode == 1
    assert (started["event"], error["event"], error["error"]) == ("started", "error", "CampaignError")
