"""More shards than an engine keeps are refused before anything runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.argo.rendering import Rendering
from labelcycle.pipelines.profiles.profile import FOLDER, read_profile
from labelcycle.pipelines.profiles.shard_limit import MOST


@pytest.fixture
def profile(tmp_path: Path) -> Callable[..., Path]:
    """A function: settings → a profile with these."""

    def written(**settings: Any) -> Path:
        content = yaml.safe_load((FOLDER / "small.yaml").read_text())
        (tmp_path / "ours.yaml").write_text(yaml.safe_dump(content | settings))
        return tmp_path / "ours.yaml"

    return written


def test_argo_takes_as_many_as_fit(profile: Callable[..., Path]) -> None:
    most = MOST["Argo"]
    Rendering(read_profile(str(profile(shards=most))), "registry.example.org/image:1")
    with pytest.raises(ConfigurationError, match=f"{most + 1} shards are more than the {most} .*Use fewer"):
        Rendering(read_profile(str(profile(shards=most + 1))), "registry.example.org/image:1")
    offloaded = profile(shards=most + 1, offloaded_node_status=True)
    Rendering(read_profile(str(offloaded)), "registry.example.org/image:1")


def test_kubeflow_takes_as_many_as_fit(
    labelcycle: Callable[..., Any], profile: Callable[..., Path], tmp_path: Path
) -> None:
    most = MOST["Kubeflow Pipelines"]
    command = ["compile", "--output", tmp_path / "compiled", "--image", "registry.example.org/image:1"]
    answer = labelcycle(*command, "--shards", most + 1)
    assert answer.returncode == 1 and f"{most + 1} shards are more than the {most}" in answer.stderr
    assert not (tmp_path / "compiled" / "cycle.yaml").exists()
    answer = labelcycle(*command, "--shards", most + 1, "--profile", profile(offloaded_node_status=True))
    assert answer.returncode == 0 and (tmp_path / "compiled" / "cycle.yaml").exists()
