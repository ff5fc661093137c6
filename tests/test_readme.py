"""The documentation names only what exists: commands, flags, recipes, settings, make targets and files."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from labelcycle.components.core.config.recipe import read_recipe
from labelcycle.pipelines.cli.arguments import settings_of
from labelcycle.pipelines.cli.main import app
from labelcycle.pipelines.recipes.catalogue import all_recipes, recipe_path

ROOT = Path(__file__).parents[1]
FIRST_SCREEN = 24
READMES = sorted(
    path
    for path in (
        ROOT / "README.md",
        *(ROOT / "components").rglob("README.md"),
        *(ROOT / "pipelines").rglob("README.md"),
    )
    if path.is_file()
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fenced_lines(path: Path) -> Iterator[str]:
    """The lines inside fenced blocks of commands, lines that end in a backslash joined with the next."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for language, block in blocks:
        if language not in ("python", "toml", "yaml"):
            yield from block.replace("\\\n", " ").splitlines()


def invocations(path: Path) -> list[list[str]]:
    """What stands behind `labelcycle` wherever it is called in a fenced code block, split as a shell does."""
    found = []
    for line in fenced_lines(path):
        words = shlex.split(line, comments=True) if line.count("'") % 2 == 0 else line.split()
        if "labelcycle" in words:
            found.append(words[words.index("labelcycle") + 1 :])
    return found


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that `words` call, and the words behind its name."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no command {rest[0]!r} in: labelcycle {' '.join(words)}"
        command = command.commands[rest.pop(0)]
    return command, rest


CALLS = [(path, words) for path in READMES for words in invocations(path)]
CALL_NAMES = [f"{name_of(path)}: {' '.join(words)[:60]}" for path, words in CALLS]


def test_the_first_screen_shows_demo_and_test() -> None:
    first = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:FIRST_SCREEN])
    assert "make demo " in first
    assert "make test " in first


def test_the_readmes_call_every_command() -> None:
    commands: Any = typer.main.get_command(app)
    assert {words[0] for _, words in CALLS if words} >= set(commands.commands)


@pytest.mark.parametrize(("path", "words"), CALLS, ids=CALL_NAMES)
def test_every_command_and_flag_exists(path: Path, words: list[str]) -> None:
    command, rest = command_of(words)
    flags = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)} | {"--help"}
    for word in rest:
        if word.startswith("--"):
            assert word.partition("=")[0] in flags, f"{name_of(path)}: {command.name} has no {word}"


@pytest.mark.parametrize(("path", "words"), CALLS, ids=CALL_NAMES)
def test_every_recipe_and_setting_exists(path: Path, words: list[str]) -> None:
    after = list(zip(words, words[1:], strict=False))
    recipes = [value for flag, value in after if flag == "--recipe"] or ["linear_probe"]
    settings = [value for flag, value in after if flag == "--set"]
    changes = settings_of(settings)
    recipe = read_recipe(recipe_path(recipes[0]), changes)
    assert recipe.name == Path(recipes[0]).stem
    for name, value in changes.items():
        found: Any = recipe.model_dump()
        for part in name.split("."):
            found = found[part]
        assert found == value, f"{name_of(path)}: {name} is {found!r}"


def test_every_recipe_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [recipe.name for recipe in all_recipes() if f"`{recipe.name}`" not in text] == []


@pytest.mark.parametrize("path", READMES, ids=name_of)
def test_every_flag_in_prose_exists(path: Path) -> None:
    """Flags in back quotes belong to some command, whichever, or to a script that lies beside the page."""
    commands: Any = typer.main.get_command(app)
    leaves = [
        leaf for command in commands.commands.values() for leaf in getattr(command, "commands", {"": command}).values()
    ]
    flags = {flag for leaf in leaves for option in leaf.params for flag in (*option.opts, *option.secondary_opts)}
    for script in path.parent.glob("*.py"):
        flags |= set(re.findall(r'"(--[a-z][a-z-]+)"', script.read_text(encoding="utf-8")))
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    named = {
        flag for quoted in re.findall(r"`([^`\n]+)`", prose) for flag in re.findall(r"(?<!\S)--[a-z][a-z-]+", quoted)
    }
    assert named - flags == set()


@pytest.mark.parametrize("path", READMES, ids=name_of)
def test_every_relative_link_leads_to_a_file(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    relative = [target.partition("#")[0] for target in targets if "://" not in target and not target.startswith("#")]
    assert [target for target in relative if not (path.parent / target).is_file()] == []


@pytest.mark.parametrize("path", READMES, ids=name_of)
def test_every_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    named = {target for line in fenced_lines(path) for target in re.findall(r"(?:^|\s)make ([a-z-]+)", line)}
    named |= set(re.findall(r"`make ([a-z-]+)`", text))
    assert named - targets == set()


def test_every_stage_has_its_readme_in_the_overview() -> None:
    text = (ROOT / "components" / "README.md").read_text(encoding="utf-8")
    stages = sorted(path.parent.name for path in (ROOT / "components").glob("*/component.py"))
    assert [stage for stage in stages if f"({stage}/README.md)" not in text] == []
