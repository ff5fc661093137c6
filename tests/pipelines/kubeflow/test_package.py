"""Compiled packages: those in the repository are what is compiled now, are valid, and run."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from google.protobuf import json_format
from kfp import components
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from labelcycle.components.core.campaign.commits import read_commits
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest.report import SUMMARY
from labelcycle.pipelines.kubeflow.package import PIPELINES, PipelineName
from labelcycle.pipelines.local.kfp_engine import run_pipeline
from labelcycle.pipelines.local.watch import Watcher
from labelcycle.pipelines.prediction.on_this_machine import predict_in_parts
from labelcycle.pipelines.profiles.profile import all_profiles, read_profile
from tests.pipelines.models.conftest import crown

COMPILED = Path(__file__).parents[3] / "pipelines" / "compiled"
IMAGE = "labelcycle-python:0.1.0"

pytestmark = [
    # kfp's own code, which these tests run in this process
    pytest.mark.filterwarnings("ignore::DeprecationWarning:kfp"),
    pytest.mark.filterwarnings("ignore::FutureWarning:kfp"),
    # what a package asks of a cluster means nothing here
    pytest.mark.filterwarnings("ignore:Task .* have no effect in the current local runner:UserWarning"),
]


@pytest.fixture(scope="module", params=[(name, profile.name) for name in PIPELINES for profile in all_profiles()])
def package(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, packages: Callable[..., None]
) -> tuple[Any, Any]:
    """Every package with every profile: its pipeline, and what it says for Kubernetes."""
    name, profile = request.param
    path = tmp_path_factory.mktemp("package") / f"{name}.yaml"
    packages(name, path, read_profile(profile), IMAGE)
    spec, platform = yaml.safe_load_all(path.read_text())
    return spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


@pytest.mark.parametrize("name", PIPELINES)
def test_the_repository_holds_what_is_compiled_now(
    name: PipelineName, tmp_path: Path, packages: Callable[..., None]
) -> None:
    """Where this fails: `labelcycle compile --output pipelines/compiled`.

    Contents are compared, because libraries that other tests load change how this process writes long texts in YAML;
    the test of the command compares bytes.
    """
    packages(name, tmp_path / "now.yaml", read_profile("small"), IMAGE)
    held, now = (
        list(yaml.safe_load_all(path.read_text())) for path in (COMPILED / f"{name}.yaml", tmp_path / "now.yaml")
    )
    assert held == now


def test_pipelines_parse_strictly(package: tuple[Any, Any]) -> None:
    """`deploymentSpec` is free-form in the specification, so it is parsed once more as what it has to be."""
    spec, kubernetes = package
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec(), ignore_unknown_fields=False)
    deployment = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(spec["deploymentSpec"], deployment, ignore_unknown_fields=False)
    assert deployment.executors.keys() == kubernetes.keys()
    for settings in kubernetes.values():
        config = kubernetes_executor_config_pb2.KubernetesExecutorConfig()
        json_format.ParseDict(settings, config, ignore_unknown_fields=False)


def test_every_stage_asks_for_resources_and_time(package: tuple[Any, Any]) -> None:
    spec, kubernetes = package
    for label, executor in spec["deploymentSpec"]["executors"].items():
        resources = executor["container"]["resources"]
        asked = {"resourceCpuRequest", "resourceCpuLimit", "resourceMemoryRequest", "resourceMemoryLimit"}
        assert asked <= resources.keys()
        variables = {given["name"]: given["value"] for given in executor["container"]["env"]}
        own = int(variables["LABELCYCLE_STAGE_SECONDS"])
        assert int(kubernetes[label]["activeDeadlineSeconds"]) - own >= 900, "time to pull the image"


def named_parameters(settings: Any) -> Iterator[str]:
    """Inputs that the Kubernetes settings of a task take names from."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key.endswith("NameParameter"):
                yield value["componentInputParameter"]
            else:
                yield from named_parameters(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from named_parameters(value)


def test_names_of_secrets_are_inputs_of_the_group_that_a_task_lies_in(package: tuple[Any, Any]) -> None:
    """A cluster looks the name up among the inputs of the task's group, and fails the task where it is not there."""
    spec, kubernetes = package
    checked = 0
    for graph in [spec["root"], *spec["components"].values()]:
        inputs = graph.get("inputDefinitions", {}).get("parameters", {})
        for task in graph.get("dag", {}).get("tasks", {}).values():
            component = spec["components"][task["componentRef"]["name"]]
            for name in named_parameters(kubernetes.get(component.get("executorLabel"), {})):
                assert name in inputs
                checked += 1
    assert checked >= 4


def test_secrets_are_given_by_name_alone(package: tuple[Any, Any]) -> None:
    for settings in package[1].values():
        for given in [*settings["secretAsEnv"], *settings["configMapAsEnv"]]:
            assert not {"secretName", "configMapName"} & given.keys() or given.get("secretName", "") == ""


def run_compiled(path: Path, **arguments: Any) -> Watcher:
    pipeline = components.load_component_from_file(str(path))
    return run_pipeline(pipeline, arguments, lambda events: Watcher(events, path.stem))


CYCLE, IN_SHARDS, BACKTEST, PREDICT = (COMPILED / f"{name}.yaml" for name in PIPELINES)
OLD = Path(__file__).with_name("package_of_0_1.yaml")
"""The cycle as version 0.1 compiled it. Users keep such packages, and run them with newer images."""


@pytest.mark.usefixtures("mlflow", "warm_stages")
@pytest.mark.parametrize("package", [CYCLE, OLD], ids=["now", "version 0.1"])
def test_the_compiled_cycle_does_what_the_stages_do_one_by_one(
    begin_on_images: Callable[..., Any], tmp_path: Path, package: Path
) -> None:
    settings = {"budget": 8, "batch": 8, "name": "same"}
    compiled = begin_on_images(str(tmp_path / "compiled"), **settings)
    decisions = [run_compiled(package, root=compiled.root).facts["label_ingest"]["decision"] for _ in range(3)]
    assert decisions == ["cold_start", "train", "done"]
    by_hand = begin_on_images(str(tmp_path / "by-hand"), **settings)
    for _ in range(2):
        by_hand.run_cycle()
    commits = read_commits(open_store(by_hand.root))
    assert len(commits) == 2 and read_commits(open_store(compiled.root)) == commits


@pytest.fixture
def two_thousand(tmp_path: Path) -> str:
    """More samples than one shard's share of work holds."""
    generator = np.random.default_rng(2)
    count = 2400
    classes = np.array(["cat", "dog"])[np.arange(count) % 2]
    features = generator.normal(size=(count, 4)) + 2 * (np.arange(count) % 2)[:, None]
    path = tmp_path / "embeddings.npz"
    np.savez(
        path,
        ids=np.array([f"sample-{number:04d}" for number in range(count)]),
        features=features.astype(np.float32),
        labels=classes,
        splits=np.where(np.arange(count) % 20 == 0, "test", "pool"),
    )
    return str(path)


@pytest.mark.usefixtures("mlflow", "warm_stages")
def test_any_number_of_shards_asks_for_the_same_samples(
    begin: Callable[..., Any], two_thousand: str, tmp_path: Path, packages: Callable[..., None]
) -> None:
    queries = {}
    side_by_side = tmp_path / "two.yaml"
    packages("cycle", side_by_side, read_profile("small"), IMAGE, 2, True)
    for package, shards in ((CYCLE, 1), (side_by_side, 2), (IN_SHARDS, 3)):
        campaign = begin(str(tmp_path / f"in-{shards}"), embeddings=two_thousand, name="same")
        for _ in range(2):
            seen = run_compiled(package, root=campaign.root, shards=shards)
        assert ("embed" in seen.facts, seen.facts["label_ingest"]["cycle"]) == (True, 1)
        assert seen.facts["select"]["size"] == 8
        store = open_store(campaign.root)
        commit = read_commits(store)[1]
        queries[shards] = commit.objects["query"].sha256
        attempt = f"cycles/1/{commit.attempt}"
        assert len(store.keys(f"{attempt}/scores/")) == shards
    assert queries[1] == queries[2] == queries[3]


@pytest.mark.usefixtures("mlflow", "warm_stages")
def test_the_compiled_backtest_runs_a_plan(
    labelcycle: Callable[..., subprocess.CompletedProcess[str]], embeddings: Path, tmp_path: Path
) -> None:
    sizes = ["--recipe", "linear_probe", "--set", "trainer.epochs=2", "--strategies", "margin"]
    sizes += ["--seeds", "1", "--batch", "8", "--cycles", "2"]
    planned = labelcycle("backtest", "--embeddings", embeddings, *sizes, "--out", tmp_path / "out", "--plan-only")
    arguments = json.loads(planned.stdout)
    store = open_store(arguments["root"])
    assert len(arguments["arms"]) == 2 and not store.exists(SUMMARY)
    run_compiled(BACKTEST, **arguments)
    summary = json.loads(store.read(SUMMARY))
    assert (len(summary["contenders"]), summary["failures"]) == (2, [])


@pytest.mark.usefixtures("warm_stages")
def test_the_compiled_prediction_writes_what_one_process_does(begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin(budget=8)
    for _ in range(2):
        campaign.run_cycle()
    crown(campaign.root)
    store = open_store(campaign.root)
    output = tmp_path / "pool.parquet"
    run_compiled(PREDICT, root=campaign.root, shards=2, output=str(output))
    made = {key: store.read(key) for key in store.keys("predictions/")}
    whole = output.read_bytes()
    for key in made:
        (Path(campaign.root) / key).unlink()
    predict_in_parts(campaign.root, output=str(output))
    assert {key: store.read(key) for key in store.keys("predictions/")} == made and output.read_bytes() == whole
