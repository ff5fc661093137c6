"""What starting a command loads: what it needs, and no other command's share."""

from pathlib import Path

import pytest

from labelcycle.pipelines.cli.main import COMMANDS, app_with
from tests.conftest import Pictures
from tests.harness.loaded_modules import loaded_by

HEAVY = {"torch", "mlflow", "kfp", "hera", "sklearn", "matplotlib", "boto3", "kubernetes", "numpy", "pyarrow"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["doctor", "--help"], ["compile", "--help"], ["stage", "--help"]]
)
def test_help_loads_nothing_that_is_heavy(arguments: list[str]) -> None:
    loaded = loaded_by(*arguments)
    assert "typer" in loaded
    assert sorted(HEAVY & loaded) == []


def test_every_command_is_listed_whether_or_not_its_options_are_made() -> None:
    listed = [
        {*(command.name for command in made.registered_commands), *(group.name for group in made.registered_groups)}
        for made in (app_with(COMMANDS), app_with(COMMANDS, options=False))
    ]
    assert listed == [set(COMMANDS)] * 2


def test_a_campaign_on_the_packaged_network_begins_without_torch(pictures: Pictures, tmp_path: Path) -> None:
    data = ["--images", pictures.images, "--labels-from", pictures.labels, "--test", pictures.test]
    loaded = loaded_by("init", *map(str, [tmp_path / "campaign", *data, "--budget", 8, "--batch", 8]))
    assert (tmp_path / "campaign" / "campaign.json").is_file()
    assert not {"torch", "timm", "mlflow"} & loaded
