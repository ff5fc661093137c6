"""The settings of a campaign as a YAML file that people read, change and give to `labelcycle init --config`."""

import textwrap
from collections.abc import Mapping
from itertools import groupby

import yaml

from labelcycle.pipelines.initialise.described_settings import Described, described_settings
from labelcycle.pipelines.initialise.settings import CampaignSettings

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
