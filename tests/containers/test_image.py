"""What the image is, and what it does not hold."""

import json
from typing import Any

import pytest

from tests.containers.engine import Engine
from tests.containers.test_stage import STRICT

BUILD_TOOLS = ("gcc", "cc", "g++", "clang", "make", "cmake", "git")


@pytest.fixture(scope="module")
def configuration(image: str, container_engine: Engine) -> dict[str, Any]:
    inspected: list[dict[str, Any]] = json.loads(container_engine.run("image", "inspect", image).stdout)
    configured: dict[str, Any] = inspected[0]["Config"]
    return configured


def shell(container_engine: Engine, image: str, script: str) -> str:
    return container_engine.run("run", *STRICT, image, "sh", "-c", script).stdout


def test_user_is_a_number_and_not_root(configuration: dict[str, Any], image: str, container_engine: Engine) -> None:
    assert configuration["User"] == "10001:10001"
    assert shell(container_engine, image, "id -u").strip() == "10001"


def test_no_health_check(configuration: dict[str, Any]) -> None:
    assert configuration.get("Healthcheck") is None


def test_labels(configuration: dict[str, Any]) -> None:
    labels = configuration["Labels"]
    names = {f"org.opencontainers.image.{name}" for name in ("title", "description", "version", "licenses", "revision")}
    assert names <= labels.keys()
    assert all(labels.values())
    assert labels["org.opencontainers.image.revision"] != "unknown"


def test_settings_of_the_build_stay_out(configuration: dict[str, Any], image: str, container_engine: Engine) -> None:
    history = container_engine.run("history", "--no-trunc", "--format={{.CreatedBy}}", image).stdout
    assert "PIP_" not in history
    assert not [variable for variable in configuration["Env"] if variable.startswith("PIP_")]


def test_no_build_tools_and_no_leftovers(image: str, container_engine: Engine) -> None:
    found = shell(container_engine, image, f"for tool in {' '.join(BUILD_TOOLS)}; do command -v $tool; done; true")
    assert found == ""
    python = shell(container_engine, image, "command -v python3").strip()
    assert python == "/opt/labelcycle/bin/python3"
    searched = "find /opt/labelcycle /build /layers -name '*.whl' -o -name pip -o -name '*.a'"
    assert shell(container_engine, image, f"{searched} 2>/dev/null; true") == ""


def test_packages_import_without_writing(image: str, container_engine: Engine) -> None:
    modules = "torch, torchvision, timm, peft, transformers, accelerate, mlflow, kfp, sklearn, pyarrow, boto3"
    done = container_engine.run("run", *STRICT, image, "python3", "-c", f"import {modules}; print(torch.__version__)")
    assert done.stdout.strip()
    assert done.stderr == ""


def test_own_bytecode_is_in_the_image(image: str, container_engine: Engine) -> None:
    code = "import labelcycle.components.core.campaign.state as module; print(module.__cached__)"
    cached = shell(container_engine, image, f'python3 -c "{code}"').strip()
    assert shell(container_engine, image, f"ls {cached}").strip() == cached
