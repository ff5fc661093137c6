"""`labelcycle init`: its flags, its settings file, and the file that it prints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.cli.init import init
from labelcycle.pipelines.cli.init_options import with_flags
from labelcycle.pipelines.initialise.described_settings import Described, described_settings
from tests.pipelines.initialise.test_campaign_settings import another_value

application = typer.Typer()
application.command()(with_flags(init))


def run(*arguments: object) -> Result:
    """`labelcycle init` in this process; its errors are raised."""
    return CliRunner().invoke(application, [str(one) for one in arguments], catch_exceptions=False)


def said(*arguments: object) -> Any:
    """The settings that the command understands, where it is asked to print them."""
    answer = run("root", *arguments, "--print-config")
    assert answer.exit_code == 0, answer.output
    return yaml.safe_load(answer.stdout)


def words(setting: Described, value: Any) -> list[str]:
    """A setting as flags of the command."""
    if setting.kind == "boolean":
        return [setting.flag if value else f"--no-{setting.flag[2:]}"]
    if setting.repeated:
        return [word for one in value for word in (setting.flag, one)]
    if setting.kind == "object":
        return [word for key, one in value.items() for word in (setting.flag, f"{key}={yaml.safe_dump(one)}")]
    return [setting.flag, ",".join(map(str, value)) if setting.kind == "array" else str(value)]


@pytest.mark.parametrize("name", described_settings())
def test_every_setting_has_a_flag(name: str) -> None:
    setting = described_settings()[name]
    value = another_value(setting)
    if name == "classes":
        value = ["red", "light green"]
    assert said(*words(setting, value)) == {name: value}


def test_lists_may_be_said_one_by_one() -> None:
    """As those of `labelcycle amend` are; the last one alone would be another campaign."""
    names = ["red", "light green", "blue, dark"]
    assert said("--classes", "red", "--classes", 'light green,"blue, dark"') == {"classes": names}
    assert said("--mean", "0.5", "--mean", "0.4", "--mean", "0.1") == said("--mean", "0.5,0.4,0.1")


def test_the_help_tells_of_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "4000")
    text = run("--help").output
    for setting in described_settings().values():
        assert setting.flag in text and setting.group in text
        assert setting.text.replace("`", "") in text.replace("`", "")
    assert "[0.001<=x<=0.9]" in text and "[default: uherding]" in text and "<float32|bfloat16>" in text


def test_nothing_is_said_unless_it_was_given() -> None:
    assert said() is None
    assert said("--budget", 500) == {"budget": 500}


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("budget: 5\nclass_balanced: true\nseed: 3\nset: {trainer.epochs: 5, trainer.rank: 2}\n")
    assert said("--config", file, "--budget", 500, "--no-class-balanced", "--set", "trainer.epochs=9") == {
        "budget": 500,
        "class_balanced": False,
        "seed": 3,
        "set": {"trainer.epochs": 9, "trainer.rank": 2},
    }


def test_flags_and_file_that_contradict_each_other(tmp_path: Path, embeddings: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("images: photos\n")
    with pytest.raises(ConfigurationError, match="either --images or --embeddings"):
        run(tmp_path / "root", "--config", file, "--embeddings", embeddings)


def test_printing_creates_nothing(tmp_path: Path, embeddings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", "secret-token")
    answer = run("root", "--embeddings", embeddings, "--label-studio", "http://there", "--print-config")
    assert answer.exit_code == 0 and "secret-token" not in answer.output
    assert list(tmp_path.iterdir()) == []


def test_paths_in_a_file_are_those_of_the_working_directory(
    tmp_path: Path, write_npz: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_npz()
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "campaign.yaml").write_text("embeddings: embeddings.npz\nbudget: 2\nbatch: 1\n")
    monkeypatch.chdir(tmp_path)
    assert run("root", "--config", "settings/campaign.yaml").exit_code == 0
    monkeypatch.chdir(tmp_path / "settings")
    with pytest.raises(Exception, match="There is no embeddings file embeddings.npz"):
        run("other", "--config", "campaign.yaml")


@pytest.mark.parametrize("on", ["embeddings", "images"])
def test_what_is_printed_begins_the_same_campaign(tmp_path: Path, embeddings: Path, pictures: Any, on: str) -> None:
    """Its description is the same, byte for byte."""
    data: dict[str, list[object]] = {
        "embeddings": ["--embeddings", embeddings, "--recipe", "linear_probe", "--set", "trainer.epochs=20"],
        "images": ["--images", pictures.images, "--labels-from", pictures.labels, "--test", pictures.test]
        + ["--classes", "green,red,blue", "--mean", "0.5,0.4,0.1", "--crop-share", 0.9, "--class-balanced"],
    }
    limits = ["--budget", 18, "--batch", 9, "--quorum", 2, "--label-price", 0.1, "--deadline-hours", 1e-5]
    flags = [*data[on], *limits]
    assert run(tmp_path / "flags" / "root", *flags).exit_code == 0
    file = tmp_path / "campaign.yaml"
    file.write_text(run("elsewhere", *flags, "--print-config").stdout, encoding="utf-8")
    assert run(tmp_path / "file" / "root", "--config", file).exit_code == 0
    one, other = ((tmp_path / way / "root" / "campaign.json").read_bytes() for way in ("flags", "file"))
    assert one == other


def test_a_refused_file_ends_with_its_exit_code(labelcycle: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("budgt: 5\n")
    answer = labelcycle("init", tmp_path / "root", "--config", file)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == f"error: {file} is invalid:\n  budgt: unknown setting. Did you mean 'budget'?\n"
    assert not (tmp_path / "root").exists()
