"""The documentation names only what exists: commands, flags, recipes, settings, make targets and files."""

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.pipelines.cli.arguments import settings_of
from labelcycle.pipelines.cli.main import app
from labelcycle.pipelines.recipes.catalogue import all_recipes, recipe_path

ROOT = Path(__file__).parents[1]
FIRST_SCREEN = 24
FOLDERS = ("components", "images", "manifests", "pipelines", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
"""Every page of the repository."""

READMES = [page for page in PAGES if page.name == "README.md"]
NO_COMMANDS = ("json", "mermaid", "python", "toml", "yaml")
"""Languages of fenced blocks that hold no commands."""

OTHER_FLAGS = {"--app-name", "--env-manager", "--help", "--init", "--version"}
"""Flags in prose that are those of every command, of none, of `mlflow server` or of docker."""

BEFORE_A_COMMAND = re.compile(r"[A-Z_]+=.*|&&|\|\|?|;|!|do|if|while|next:")
"""What may stand before a command on its line."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fenced_lines(path: Path) -> Iterator[str]:
    """The lines inside fenced blocks of commands, lines that end in a backslash joined with the next."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for language, block in blocks:
        if language not in NO_COMMANDS:
            yield from block.replace("\\\n", " ").splitlines()


def words_of(line: str) -> list[str]:
    """The words of a line as a shell splits it, or by spaces where it is the output of a command."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return line.split()


def invocations(path: Path) -> list[list[str]]:
    """What stands behind `labelcycle` wherever it is called in a fenced code block."""
    found = []
    for line in fenced_lines(path):
        words = words_of(line)
        for number, word in enumerate(words):
            if word == "labelcycle" and all(BEFORE_A_COMMAND.fullmatch(before) for before in words[:number][-1:]):
                found.append(words[number + 1 :])
                break
    return found


def anchors_of(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    prose = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", prose, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = next(number for number in itertools.count() if (f"{slug}-{number}" if number else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
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


def test_every_recipe_is_in_the_table_of_recipes() -> None:
    text = (ROOT / "pipelines" / "recipes" / "README.md").read_text(encoding="utf-8")
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
    assert named - flags - OTHER_FLAGS == set()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if "://" not in target and not (file.is_file() and (not anchor or anchor in anchors_of(file))):
            dead.append(target)
    assert dead == []


def test_the_anchors_of_headings_are_those_of_github(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b_c`, d\n## 1. [Argo's](x.md) way\n```bash\n# no heading\n```\n## Same\n### Same\n")
    assert anchors_of(page) == {"a-b_c-d", "1-argos-way", "same", "same-1"}


def test_every_command_is_in_the_table_of_commands() -> None:
    commands: Any = typer.main.get_command(app)
    text = (ROOT / "pipelines" / "cli" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+)`", "\n".join(re.findall(r"^\| (.*?) \|", text, re.MULTILINE))))
    assert set(commands.commands) - named == set()


@pytest.mark.parametrize("path", READMES, ids=name_of)
def test_every_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    named = {
        target
        for line in fenced_lines(path)
        for target in re.findall(r"(?:^|\s)make ([a-z-]+)", line.partition("#")[0])
    }
    named |= set(re.findall(r"`make ([a-z-]+)`", text))
    assert named - targets == set()


def test_every_stage_has_its_readme_in_the_overview() -> None:
    text = (ROOT / "components" / "README.md").read_text(encoding="utf-8")
    stages = sorted(path.parent.name for path in (ROOT / "components").glob("*/component.py"))
    assert [stage for stage in stages if f"({stage}/README.md)" not in text] == []
