"""The settings of a campaign as a YAML file: read with what the user says beside it, and written for people to edit."""

import math
import textwrap
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from reprlib import Repr

import yaml
from pydantic import ValidationError

from labelcycle.components.core.config.recipe import MOST_NAMED
from labelcycle.components.core.config.settings_files import as_written, read_settings
from labelcycle.components.core.errors import ConfigurationError, near_miss
from labelcycle.components.core.runtime.observation import notice
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.described_settings import Described, described_settings

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 200

LIST_ALL = "`labelcycle init ROOT --print-config` lists all."


def settings_of_campaign(given: Mapping[str, object], path: Path | None = None) -> CampaignSettings:
    """The settings of a file, with those that are given beside it laid over them; of `set` and `notify`, key by key.

    Args:
        given: values by name, as files spell it; errors in them name the flag.
        path: a YAML file of settings by name, or None.

    Raises:
        ConfigurationError: the file cannot be read, or a setting is unknown or refused; each is named.
    """
    found = {} if path is None else read_settings_file(path)
    merged = {**found, **given}
    for name in ("set", "notify"):
        changes, more = found.get(name), given.get(name)
        if isinstance(changes, dict) and isinstance(more, dict):
            merged[name] = changes | more
    try:
        return _validated(merged)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_problems(error, flags=True))) from error


def settings_of_arguments(given: Mapping[str, object]) -> CampaignSettings:
    """The settings that are given by name, as files spell them.

    Raises:
        ConfigurationError: a setting is unknown or refused; each is named.
    """
    try:
        return _validated(given)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_problems(error, flags=False))) from error


def read_settings_file(path: Path) -> dict[str, object]:
    """The settings in a YAML file, by name, each of which is one that a campaign can have.

    Raises:
        ConfigurationError: there is no such file, it is not YAML, or a setting is unknown or refused; each is named.
    """
    if not path.exists() or path.is_dir():
        raise ConfigurationError(f"There is no settings file {path}. Correct --config.")
    content = read_settings(path, f"settings file {path}")
    if content is None:
        notice(f"{path} holds no settings.")
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path} is not a mapping of settings, such as `budget: 500`, but {_kind_of(content)}. {LIST_ALL}"
        )
    try:
        _validated(content)
    except ValidationError as error:
        lines = "\n".join(f"  {problem}" for problem in _problems(error, flags=False, path=path))
        raise ConfigurationError(f"{path} is invalid:\n{lines}") from error
    return content


def _validated(content: Mapping[str, object]) -> CampaignSettings:
    return CampaignSettings.model_validate(content, by_name=False, by_alias=True)


def _problems(error: ValidationError, flags: bool, path: Path | None = None) -> list[str]:
    """What is wrong, a line for each problem: the setting, what it must be and what was given; with `path`, there."""
    lines = []
    for problem in error.errors(include_url=False)[:MOST_NAMED]:
        name, *inside = problem["loc"]
        setting = described_settings().get(str(name))
        if setting is None:
            lines.append(f"{name}: unknown setting.{near_miss(str(name), described_settings()) or f' {LIST_ALL}'}")
            continue
        start = f"{setting.flag} " if flags else f"{setting.name}: "
        if problem["type"] == "value_error":
            lines.append(f"{start}{problem['ctx']['error']}.")
            continue
        value = problem["input"]
        got = "nothing" if value is None else _SHORT.repr(value)
        remedy = "" if path is None else _remedy(setting, value, as_written(path, problem["loc"]))
        lines.append(f"{start}must be {setting.expected}; got {got}{' in it' if inside else ''}.{remedy}")
    return lines


def _remedy(setting: Described, value: object, written: str | None) -> str:
    """What mends a value that YAML takes for another than was meant: quotes around a text, or none around a number."""
    texts = setting.kind == "string" or (setting.kind == "array" and setting.length is None)
    if written and texts and (value is None or isinstance(value, bool | int | float)):
        return f' To YAML {written} is no text. Put it into quotes: "{written}".'
    if setting.kind in ("integer", "number") and isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return ""
        if not math.isfinite(number) or (setting.kind == "integer" and not number.is_integer()):
            return ""
        plain = int(number) if setting.kind == "integer" else number
        return f" Write it so: {yaml.safe_dump(plain).split()[0]}."
    return ""


def _kind_of(content: object) -> str:
    return "a list" if isinstance(content, list) else "a single value"


WIDTH = 100

HEAD = """\
# Settings of a campaign, for: labelcycle init ROOT --config FILE
# A setting behind a # is as by default; take the # away to change it. Flags beside the file win.
# Paths are relative to the working directory, as those of flags are.
"""


def printed(settings: CampaignSettings) -> str:
    """Every setting with what it means: those that were said with their values, the others as comments.

    What is read back equals `settings`.
    """
    said = settings.model_dump(mode="json", by_alias=True, exclude_unset=True)
    parts = [HEAD]
    for group, members in groupby(described_settings().values(), key=lambda setting: setting.group):
        parts.append(f"\n# ---- {group} ----\n")
        parts += [_printed(setting, said) for setting in members]
    return "".join(parts)


def _printed(setting: Described, said: Mapping[str, object]) -> str:
    text = setting.text if setting.plain_text else f"{setting.text} ({setting.expected})"
    comment = textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    line = yaml.safe_dump(
        {setting.name: said.get(setting.name, setting.default)},
        allow_unicode=True,
        sort_keys=False,
        width=float("inf"),
    )
    return f"\n{comment}\n{line if setting.name in said else f'#{line}'}"
