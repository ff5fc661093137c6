"""The settings of a campaign: the model, the YAML file of it, and the file that is printed."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.initialise import campaign_settings
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.described_settings import Described, described_settings
from labelcycle.pipelines.initialise.settings_file import printed, settings_of_campaign


def another_value(setting: Described) -> Any:
    """A value that the setting may have and does not have by default."""
    if setting.choices:
        return next(choice for choice in setting.choices if choice != setting.default)
    if setting.kind == "array":
        return ["yes", "a, b"] if setting.length is None else [0.25] * setting.length
    bounds = (setting.least, setting.above, setting.most)
    number = 3 if all(bound is None for bound in bounds) else (setting.least or setting.above or 0) + 0.25
    values: dict[str, Any] = {
        "string": "http://there",
        "integer": 7,
        "number": number,
        "boolean": not setting.default,
        "object": {"trainer.epochs": 7, "trainer.name": "no", "stop": {"plateau_cycles": None}},
    }
    return values[setting.kind]


@pytest.fixture
def everything() -> dict[str, Any]:
    """A value for each setting, other than the default."""
    return {name: another_value(setting) for name, setting in described_settings().items()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the test may write settings."""
    return tmp_path / "campaign.yaml"


def test_every_setting_is_described() -> None:
    assert set(described_settings()) == {field.alias or name for name, field in CampaignSettings.model_fields.items()}
    for setting in described_settings().values():
        assert setting.text.endswith(".") and setting.group and setting.expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("budget", "a whole number, 1 or more"),
        ("test_share", "a number, 0.001 or more, at most 0.9"),
        ("crop_share", "a number, above 0, at most 1"),
        ("precision", "one of float32, bfloat16"),
        ("class_balanced", "true or false"),
        ("classes", "a list of texts"),
        ("mean", "a list of 3 numbers"),
    ],
)
def test_what_a_value_must_be(name: str, expected: str) -> None:
    assert described_settings()[name].expected == expected


@pytest.mark.parametrize("wrong", [{"budget": "5"}, {"budget": True}, {"name": 7}, {"pool_labels": 1}, {"budgt": 5}])
def test_values_are_not_guessed(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CampaignSettings.model_validate(wrong)


def test_lists_may_be_written_as_flags_take_them() -> None:
    settings = CampaignSettings.model_validate({"classes": "red, light green", "mean": "0.5,0.25,1"})
    assert (settings.classes, settings.mean) == (["red", "light green"], (0.5, 0.25, 1.0))


def test_a_file_of_every_setting(file: Path, everything: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(everything), encoding="utf-8")
    assert settings_of_campaign({}, file) == CampaignSettings.model_validate(everything)


def test_what_is_given_beside_a_file_wins(file: Path) -> None:
    file.write_text("budget: 5\nbatch: 2\npool_labels: true\nset: {trainer.epochs: 5, trainer.rank: 2}\n")
    settings = settings_of_campaign({"budget": 7, "pool_labels": False, "set": {"trainer.epochs": 9}}, file)
    assert (settings.budget, settings.batch, settings.pool_labels) == (7, 2, False)
    assert settings.overrides == {"trainer.epochs": 9, "trainer.rank": 2}


@pytest.mark.parametrize("content", ["", "# budget: 5\n", "---\n"])
def test_a_file_without_settings(file: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(content)
    assert settings_of_campaign({"budget": 7}, file) == CampaignSettings(budget=7)
    assert f"{file} holds no settings." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("budgt: 5", "  budgt: unknown setting. Did you mean 'budget'?"),
        ("label-price: 5", "  label-price: unknown setting. Did you mean 'label_price'?"),
        ("overrides: {}", "  overrides: unknown setting. `labelcycle init ROOT --print-config` lists all."),
        ("1: 5", "  1: unknown setting. `labelcycle init ROOT --print-config` lists all."),
        ("budget: many", "  budget: must be a whole number, 1 or more; got 'many'."),
        ("budget: 0", "  budget: must be a whole number, 1 or more; got 0."),
        ("budget: yes", "  budget: must be a whole number, 1 or more; got True."),
        ("budget:", "  budget: must be a whole number, 1 or more; got nothing."),
        ("label_price: .nan", "  label_price: must be a number, 0 or more; got nan."),
        ("images: [photos]", "  images: must be text; got ['photos']."),
        ("name: 2024", '  name: must be text; got 2024. To YAML 2024 is no text. Put it into quotes: "2024".'),
        (
            "classes: [red, no]",
            '  classes: must be a list of texts; got False in it. To YAML no is no text. Put it into quotes: "no".',
        ),
        (
            "classes: [red, 1.50]",
            '  classes: must be a list of texts; got 1.5 in it. To YAML 1.50 is no text. Put it into quotes: "1.50".',
        ),
        (
            "classes: [~, red]",
            '  classes: must be a list of texts; got nothing in it. To YAML ~ is no text. Put it into quotes: "~".',
        ),
        (
            "classes: on",
            '  classes: must be a list of texts; got True. To YAML on is no text. Put it into quotes: "on".',
        ),
        ("label_price: 1e-3", "  label_price: must be a number, 0 or more; got '1e-3'. Write it so: 0.001."),
        ("budget: 5e2", "  budget: must be a whole number, 1 or more; got '5e2'. Write it so: 500."),
        ('budget: "500"', "  budget: must be a whole number, 1 or more; got '500'. Write it so: 500."),
        ("budget: inf", "  budget: must be a whole number, 1 or more; got 'inf'."),
        ("mean: [1, 2]", "  mean: [1, 2] is not three numbers, such as 0.5,0.5,0.5."),
        ("precision: half", "  precision: must be one of float32, bfloat16; got 'half'."),
        ('images: ""', "  images: is empty; name something, or leave it out."),
        ("watch_images: ''", "  watch_images: is empty; name something, or leave it out."),
        ('weights: ""', "  weights: is empty; name something, or leave it out."),
        ('known_labels: [a.csv, ""]', "  known_labels: is empty; name something, or leave it out."),
        ("set: [a]", "  set: must be a mapping of settings, such as {trainer.epochs: 20}; got ['a']."),
        ("label_studio: http://me:token@there", "  label_studio: an address must not hold a name or password"),
    ],
)
def test_a_refused_setting_is_named_with_its_remedy(file: Path, content: str, message: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigurationError) as refused:
        settings_of_campaign({"budget": 5}, file)
    assert str(refused.value).startswith(f"{file} is invalid:\n{message}")


def test_all_refused_settings_are_named_at_once(file: Path) -> None:
    file.write_text("budgt: 5\nseed: a\n")
    with pytest.raises(ConfigurationError, match=r"seed: must be[^\n]*\n  budgt: unknown"):
        settings_of_campaign({}, file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- budget: 5", r"is not a mapping of settings, such as `budget: 500`, but a list"),
        ("budget", r"is not a mapping of settings, such as `budget: 500`, but a single value"),
        ("set:\n\ttrainer.epochs: 5", r"(?s)Cannot read settings file.*line 2.*Indent it by spaces instead of tabs"),
        ("budget: 5\nbudget: 6", "the same key more than once"),
        ("budget: &five 5\nbatch: *five", "alias"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused(file: Path, content: str, message: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        settings_of_campaign({}, file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(ConfigurationError, match=f"There is no settings file {path}. Correct --config."):
            settings_of_campaign({}, path)


def test_what_is_given_is_refused_by_its_flag() -> None:
    with pytest.raises(ConfigurationError, match="^--crop-share must be a number, above 0, at most 1; got 2$|got 2"):
        settings_of_campaign({"crop_share": 2})


@pytest.mark.parametrize("value", [date(2024, 1, 5), b"\x80", {1, 2}, [b"\x80"]], ids=str)
def test_only_plain_values_are_set(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^--set must be a mapping.*; got .* in it\.$"):
        settings_of_campaign({"set": {"trainer.epochs": value}})


def test_what_is_printed_is_read_back(file: Path, everything: dict[str, Any]) -> None:
    settings = CampaignSettings.model_validate(everything)
    file.write_text(printed(settings), encoding="utf-8")
    assert settings_of_campaign({}, file) == settings


@pytest.mark.parametrize("text", ["yes", "2024", "null", "a: b # c", "two\nlines", "größer", " ", "'", '"', "1e-3"])
def test_any_text_is_read_back(file: Path, text: str) -> None:
    settings = CampaignSettings(images=text, classes=[text, "other"], overrides={text: text})
    file.write_text(printed(settings), encoding="utf-8")
    assert settings_of_campaign({}, file) == settings


def test_what_was_not_said_is_printed_behind_a_sign_with_its_default() -> None:
    text = printed(CampaignSettings(budget=500, images="photos"))
    assert yaml.safe_load(text) == {"budget": 500, "images": "photos"}
    all_of_it = "\n".join(line.removeprefix("#") for line in text.splitlines() if not line.startswith("# "))
    defaults = CampaignSettings().model_dump(mode="json", by_alias=True)
    assert yaml.safe_load(all_of_it) == defaults | {"images": "photos"}
    for setting in described_settings().values():
        assert " ".join(setting.text.split()) in " ".join(text.replace("\n# ", " ").split())


def test_the_documented_file_is_one(file: Path) -> None:
    documented = Path(campaign_settings.__file__).with_name("README.md").read_text(encoding="utf-8")
    _, _, block = documented.partition("```yaml\n")
    file.write_text(block.partition("```")[0], encoding="utf-8")
    found = settings_of_campaign({}, file)
    assert (found.classes, found.overrides) == (["cat", "dog"], {"trainer.epochs": 20})
