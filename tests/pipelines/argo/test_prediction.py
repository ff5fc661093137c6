"""The workflow of a prediction: its stages by the commands of its pods, one after another in this process."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.argo.cycle_workflow import OUTPUTS
from labelcycle.pipelines.cli.stage import app
from labelcycle.pipelines.prediction import start
from labelcycle.pipelines.prediction.on_this_machine import predict_in_parts
from tests.pipelines.argo.interpreter.engine import Workflow
from tests.pipelines.argo.interpreter.expressions import substitute
from tests.pipelines.argo.interpreter.pods import Pod
from tests.pipelines.models.conftest import crown


def test_shards_of_a_workflow_write_what_one_process_does(
    submit: Callable[..., Workflow], begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "POOL_ROWS", 10)
    campaign = begin(budget=8)
    for _ in range(2):
        campaign.run_cycle()
    crown(campaign.root)

    def run_pod(template: dict[str, Any], scope: Mapping[str, str]) -> Pod:
        container, outputs = substitute(template["container"], scope), tmp_path / "outputs"
        command = [*container["command"], *container["args"]]
        here = [str(outputs) if text == OUTPUTS else text for text in command[2:]]
        answer = CliRunner().invoke(app, here)
        facts = {file.name: file.read_text() for file in outputs.iterdir()} if str(outputs) in here else {}
        return Pod(template["name"], command, {}, answer.exit_code, facts, answer.output)

    output = tmp_path / "pool.parquet"
    done = submit("labelcycle-predict", run_pod, root=campaign.root, shards=3, output=output)
    assert done.ended == "Succeeded", done.pods[-1].log
    assert done.stages == ["prediction-start", *["prediction-parts"] * 3, "prediction-commit"]
    store = open_store(campaign.root)
    made = {key: store.read(key) for key in store.keys("predictions/")}
    whole = output.read_bytes()
    assert sum("/part-" in key for key in made) == 5
    for key in made:
        (Path(campaign.root) / key).unlink()
    predict_in_parts(campaign.root, output=str(output))
    assert {key: store.read(key) for key in store.keys("predictions/")} == made and output.read_bytes() == whole
