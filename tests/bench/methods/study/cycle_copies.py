"""Copies of a campaign as it was after some cycle, to train a final model from the labels of then."""

import re
import shutil
from pathlib import Path


def _copy_of(root: Path, cycle: int) -> Path:
    return root.with_name(f"{root.name}-until-{cycle}")


def copy_until(root: Path, cycle: int) -> Path:
    """A copy of the campaign without the cycles after this one."""
    copy = _copy_of(root, cycle)
    if not copy.is_dir():
        shutil.copytree(root, copy, ignore=lambda folder, names: _later(Path(folder), names, cycle))
    return copy


def _later(folder: Path, names: list[str], cycle: int) -> list[str]:
    """What later cycles wrote: their own folders, and the queries that they handed out."""
    number = {"cycles": r"(\d+)", "queries": r"cycle-(\d+)\."}.get(folder.name)
    found = {name: re.match(number, name) for name in names} if number else {}
    return [name for name, match in found.items() if match and int(match[1]) > cycle]
