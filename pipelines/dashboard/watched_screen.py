"""The dashboard while it is watched: fitted into the terminal, with a first line about the watching."""

from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from labelcycle.pipelines.dashboard.plain_text import plain_text
from labelcycle.pipelines.dashboard.screen import header, people, progress
from labelcycle.pipelines.dashboard.view import View

FEWEST_CYCLES = 3


class WatchedScreen:
    """What was seen at the last look that succeeded, and what went wrong since; drawn for the terminal as it is then.

    In low terminals the oldest cycles are left out first, then the sparklines.

    Args:
        view: what was seen; None before the first success.
        trouble: what went wrong at the last look; empty where nothing did.
        every: seconds between two looks.
        looked: when the last look was.
    """

    def __init__(self, view: View | None, trouble: str, every: float, looked: datetime) -> None:
        self._view, self._trouble, self._every, self._looked = view, trouble, every, looked

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, for rich."""
        yield from self._fitted(console, options)

    def _fitted(self, console: Console, options: ConsoleOptions) -> list[RenderableType]:
        room = (options.height or console.height) - 1
        parts = self._parts(console, options, None, True)
        too_many = self._lines(console, options, parts) - room
        if self._view is None or too_many <= 0:
            return parts
        cycles = max(FEWEST_CYCLES, len(self._view.standing.state.summaries) - too_many)
        parts = self._parts(console, options, cycles, True)
        if self._lines(console, options, parts) <= room:
            return parts
        return self._parts(console, options, cycles, False)

    def _parts(
        self, console: Console, options: ConsoleOptions, cycles: int | None, with_courses: bool
    ) -> list[RenderableType]:
        about = f"{self._looked:%H:%M:%S} · a look every {self._every:g} s · Ctrl-C ends"
        first = Text(about, style="dim")
        if self._trouble:
            first = Text(f"{self._looked:%H:%M:%S} {plain_text(self._trouble)} Trying again.", style="red")
        if self._view is None:
            return [first]
        standing, width = self._view.standing, options.max_width
        lines = header(standing)
        for line in lines:
            line.overflow = "fold"
        middle = progress(standing, console, width, cycles, with_courses)
        return [first, *lines, *middle, *people(self._view, width)]

    @staticmethod
    def _lines(console: Console, options: ConsoleOptions, parts: list[RenderableType]) -> int:
        return len(console.render_lines(Group(*parts), options.update(height=None)))
