"""What components give to Kubeflow Pipelines, run by KFP's own executor as in a pod, read as its launcher reads it."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from kfp.dsl.executor import Executor

from tests.conftest import COLD_START, TRAINING, Bench
from tests.platform_values import as_launcher_values

RECIPES = {
    "linear_probe": {},
    "dropquery": {},
    "svpp": {"trainer.epochs": 1},
    "logistic": {},
    "peal_entropy": {"trainer.epochs": 1, "trainer.batch_size": 16},
    "standard_ft": {"trainer.epochs": 1, "trainer.batch_size": 16},
    "vecaf_linear": {"data_selection.total_batches": 6},
}
"""One of each trainer: heads on features, with dropout, a network, solved; adapters; weights; a kept optimiser."""


def run_component(stage: str, folder: Path, **inputs: Any) -> dict[str, Any]:
    """Run a component as a pod does, in this process. Returns the output file that the launcher reads."""
    component = getattr(importlib.import_module(f"labelcycle.components.{stage}.component"), stage)
    artifacts = component.component_spec.outputs or {}
    of_artifacts = {
        name: {
            "artifacts": [
                {
                    "name": name,
                    "type": {"schemaTitle": spec.type.partition("@")[0]},
                    "uri": str(folder / name),
                    "metadata": {},
                }
            ]
        }
        for name, spec in artifacts.items()
        if "@" in spec.type
    }
    parameters = {name: {"outputFile": str(folder / name)} for name, spec in artifacts.items() if "@" not in spec.type}
    output = folder / "executor_output.json"
    executor_input = {
        "inputs": {"parameterValues": inputs},
        "outputs": {"parameters": parameters, "artifacts": of_artifacts, "outputFile": str(output)},
    }
    Executor(executor_input=executor_input, function_to_execute=component.python_func).execute()
    read: dict[str, Any] = json.loads(output.read_text(), parse_constant=lambda name: pytest.fail(f"{name} in {stage}"))
    return read


def run_cycle(campaign: Bench, folder: Path) -> dict[str, dict[str, Any]]:
    """A whole cycle by components; returns what each gave out, by step."""
    ingested = run_component("label_ingest", folder / "ingest", root=campaign.root)
    values = ingested["parameterValues"]
    given = {"label_ingest": ingested}
    work = {"root": campaign.root, "cycle": values["cycle"], "attempt": values["attempt"]}
    for step in COLD_START if values["decision"] == "cold_start" else TRAINING:
        stage, _, target = step.partition(" ")
        inputs = {**work, **({"target": target} if target else {})}
        given[step] = run_component(stage, folder / step, **inputs)
    return given


def check(given: dict[str, dict[str, Any]]) -> None:
    """Every output parameter is a protobuf value that is not null, and all metadata is what the launcher takes."""
    for step, output in given.items():
        for name, value in output.get("parameterValues", {}).items():
            kind = json_format.Parse(json.dumps(value, allow_nan=False), struct_pb2.Value()).WhichOneof("kind")
            assert kind != "null_value", f"{step} gives out null as {name}"
        for name, artifacts in output.get("artifacts", {}).items():
            for artifact in artifacts["artifacts"]:
                assert as_launcher_values(artifact["metadata"]).fields, f"{step} says nothing of {name}"


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_output_is_null_or_not_finite(
    begin: Callable[..., Bench],
    begin_on_images: Callable[..., Bench],
    text_encoder: Path,
    mlflow: Path,
    tmp_path: Path,
    recipe: str,
) -> None:
    """A cold start and a trained cycle, to the end."""
    given = {"text_encoder": str(text_encoder)} if recipe == "vecaf_linear" else {}
    on_images = recipe in ("peal_entropy", "standard_ft", "svpp", "vecaf_linear")
    campaign = (begin_on_images if on_images else begin)(recipe=recipe, overrides=RECIPES[recipe], **given)
    cold = run_cycle(campaign, tmp_path / "cold")
    check(cold)
    assert {"size", "strategy"} <= cold["select"]["artifacts"]["query"]["artifacts"][0]["metadata"].keys()
    assert "accuracy" not in cold["publish"]["artifacts"]["report"]["artifacts"][0]["metadata"]
    trained = run_cycle(campaign, tmp_path / "trained")
    check(trained)
    assert trained["evaluate"]["artifacts"]["metrics"]["artifacts"][0]["metadata"]["accuracy"] >= 0
    assert trained["publish"]["artifacts"]["report"]["artifacts"][0]["metadata"]["accuracy"] >= 0
