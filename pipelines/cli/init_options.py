"""The flags of `labelcycle init`, made from the settings that a campaign can have."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from labelcycle.pipelines.cli.arguments import settings_of
from labelcycle.pipelines.initialise.described_settings import Described, described_settings

TYPES: dict[str, object] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list[str],
    "object": list[str],
}
"""What a flag takes, by the kind of its setting. Lists are comma-separated or said one by one; changes to a recipe only
the latter."""


def with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for each setting, in the place of its `**` argument, whose values it is called with.

    A command that has them stays as it is.
    """
    if hasattr(command, "__signature__"):
        return command
    own = [
        parameter
        for parameter in inspect.signature(command).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    flags = [_flag(setting) for setting in described_settings().values()]
    command.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
    return command


def given(context: typer.Context) -> dict[str, object]:
    """The settings that the user gave as flags, by name, as files spell them.

    Raises:
        ConfigurationError: a `--set` or `--notify` that is not KEY=VALUE.
    """
    said = {
        name: context.params[name]
        for name in described_settings()
        if getattr(context.get_parameter_source(name), "name", None) == "COMMANDLINE"
    }
    known = described_settings()
    lists = {name: ",".join(said[name]) for name in said if known[name].kind == "array" and not known[name].repeated}
    mappings = {name: settings_of(said[name], known[name].flag) for name in said if known[name].kind == "object"}
    return said | lists | mappings


def _flag(setting: Described) -> inspect.Parameter:
    kind: Any = Literal[setting.choices] if setting.choices else TYPES["object" if setting.repeated else setting.kind]
    closed = setting.above is None  # a range of a flag includes its ends; others are left to the settings themselves
    option = typer.Option(
        *([setting.flag] if setting.kind != "boolean" else []),
        help=setting.text,
        rich_help_panel=setting.group,
        min=setting.least if closed else None,
        max=setting.most if closed else None,
    )
    default = setting.default if setting.kind not in ("array", "object") else None
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind if default is not None else kind | None, option],
    )
