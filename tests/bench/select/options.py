"""What the command line chooses."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.select.data import Setting


@dataclass(frozen=True)
class Options:
    """What the command line chooses.

    Attributes:
        strategies: only these; empty for all.
        rows: N instead of what a part has; 0 for that. The budget shrinks with it where it would be large.
        cores: of the parts that are not measured on one.
        limit: seconds of wall time for one measurement.
        scratch: folder for pools.
        json: file for lines of JSON.
        markdown: print tables as Markdown.
    """

    strategies: tuple[str, ...] = ()
    rows: int = 0
    cores: int = 2
    limit: float = 300
    scratch: Path | None = None
    json: Path | None = None
    markdown: bool = False

    def scaled(self, setting: Setting) -> Setting:
        """The setting with the rows of the command line."""
        rows = self.rows or setting.rows
        return replace(setting, rows=rows, budget=max(2, min(setting.budget, rows // 40)))

    def chosen(self, strategies: Iterable[str]) -> list[str]:
        """Those of the strategies that are asked for, in their order."""
        return [name for name in strategies if not self.strategies or name in self.strategies]
