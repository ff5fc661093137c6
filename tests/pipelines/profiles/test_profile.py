"""Profiles: what comes with labelcycle is complete, and a file that says something else is refused by name."""

from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.profiles.profile import FOLDER, STAGES, Profile, all_profiles, amount, read_profile

EVERY = "every: {cpu: 500m, memory: 1Gi, cpu_limit: '2', memory_limit: 2Gi}\n"


def test_those_that_come_with_labelcycle() -> None:
    profiles = all_profiles()
    assert [profile.name for profile in profiles] == ["a100", "gpu", "small"]
    for profile in profiles:
        assert profile.summary and profile.stages.keys() == set(STAGES)
    accelerated = {
        profile.name: {name for name, found in profile.stages.items() if found.accelerator} for profile in profiles
    }
    network = {"embed", "train_adapter", "prediction_parts"}
    assert accelerated == {"a100": network, "gpu": network, "small": set()}


NODE = {"small": (2.0, 8.0), "gpu": (8.0, 16.0), "a100": (16.0, 128.0)}
"""Cores and GiB of the smallest node that a profile is for."""

OF_THE_SYSTEM = (0.85, 1.0)
"""What the cluster itself asks for there: name service, network, storage and the platform's controllers."""

OF_ARGO = (0.05, 64 / 1024)
"""What the container asks for that Argo adds to each pod (manifests/overlays/argo/container-defaults.yaml)."""


@pytest.mark.parametrize("profile", all_profiles(), ids=lambda profile: str(profile.name))
def test_the_largest_pod_fits_a_node_beside_the_system(profile: Profile) -> None:
    for resource, node, system, argo in zip(("cpu", "memory"), NODE[profile.name], OF_THE_SYSTEM, OF_ARGO, strict=True):
        asked = {name: amount(getattr(placement, resource)) for name, placement in profile.stages.items()}
        largest = max(asked, key=asked.__getitem__)
        assert asked[largest] + argo <= node - system, f"{largest} asks for {asked[largest]} of {resource}"


def test_the_pod_has_its_image_to_pull_besides(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"summary: mine\n{EVERY}stages: {{embed: {{timeout_seconds: 100, pull_seconds: 60}}}}\n")
    stages = read_profile(str(path)).stages
    assert (stages["embed"].pod_seconds, stages["select"].pod_seconds) == (160, 3600 + 900)


def test_what_a_stage_says_lies_over_what_all_say(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"summary: mine\n{EVERY}stages:\n  select: {{memory: 2Gi, retries: 5}}\n  score:\n")
    profile = read_profile(str(path))
    assert (profile.name, profile.summary, profile.shards) == ("own", "mine", 1)
    assert (profile.stages["select"].memory, profile.stages["select"].retries) == ("2Gi", 5)
    assert (profile.stages["select"].cpu, profile.stages["score"]) == ("500m", profile.stages["publish"])


def test_telling_of_a_failure_does_not_hold_the_next_run_up(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"summary: mine\n{EVERY}stages: {{}}\n")
    assert read_profile(str(path)).stages["notify"].timeout_seconds == 120
    path.write_text(f"summary: mine\n{EVERY}stages: {{notify: {{timeout_seconds: 600}}}}\n")
    found = read_profile(str(path)).stages["notify"]
    assert (found.timeout_seconds, found.retries) == (600, 1)


def test_a_profile_that_places_each_stage_and_is_older_than_one(tmp_path: Path) -> None:
    placed = "{cpu: 500m, memory: 1Gi, cpu_limit: '2', memory_limit: 2Gi}"
    path = tmp_path / "own.yaml"
    path.write_text(f"summary: mine\nstages: {{label_ingest: {placed}, publish: {placed}}}\n")
    stages = read_profile(str(path)).stages
    assert (stages["notify"].memory, stages["notify"].timeout_seconds) == ("1Gi", 120)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            f"summary: x\n{EVERY}stages: {{choose: {{cpu: '1'}}}}\n",
            "there is no stage 'choose'; stages are label_ingest",
        ),
        (f"summary: x\n{EVERY}stages: {{select: {{gpus: 1}}}}\n", r"stages.select.gpus"),
        (f"summary: x\n{EVERY}stages: {{select: {{memory: 8GB}}}}\n", r"stages.select.memory"),
        (f"summary: x\n{EVERY}stages: {{select: {{cpu: two}}}}\n", r"stages.select.cpu"),
        (f"summary: x\nsize: 2\n{EVERY}", "size"),
        ("summary: x\nevery: {cpu: '1'}\n", "memory"),
        ("summary: x\nevery: 3\n", "every"),
        (f"summary: x\n{EVERY}stages: {{select: {{cpu: '2.5'}}}}\n", "cpu of 2.5 is more than cpu_limit of 2"),
        (f"summary: x\n{EVERY}stages: {{select: {{memory: 2049Mi}}}}\n", "memory of 2049Mi is more than memory_limit"),
        (f"summary: x\n{EVERY}stages: {{select: {{shared_memory: 3Gi}}}}\n", "shared_memory of 3Gi is more than"),
        ("summary: [", "while parsing"),
        ("- 1\n", "is not a mapping of settings"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="(?s)wrong.yaml.*" + message):
        read_profile(str(path))


@pytest.mark.parametrize("name", ["huge", "../small", ""])
def test_a_profile_that_is_not_there(name: str) -> None:
    with pytest.raises(ConfigurationError, match="There is no profile .* Choose one of a100, gpu, small, or name"):
        read_profile(name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Cannot read profile .*nothing.yaml"):
        read_profile(str(tmp_path / "nothing.yaml"))


def test_the_example_of_the_instructions_is_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text((FOLDER / "README.md").read_text().split("```yaml\n")[1].split("```")[0])
    profile = read_profile(str(path))
    assert profile.shards == 2 and profile.stages["embed"].node_selector == {"topology.kubernetes.io/zone": "eu-1"}
