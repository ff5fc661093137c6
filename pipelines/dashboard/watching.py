"""`labelcycle status --watch`: the status, kept up to date until Ctrl-C.

Whether anything changed costs a look at a name and a listing of deliveries.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.text import Text

from labelcycle.components.core.campaign.commits import commit_key
from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import until_none
from labelcycle.pipelines.dashboard.screen import header, people, print_people, print_status, progress, title
from labelcycle.pipelines.dashboard.status_parts import plain_text
from labelcycle.pipelines.dashboard.view import CampaignStatus, View, read_status, read_view, status_facts

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
        cycles = max(FEWEST_CYCLES, len(self._view.status.state.summaries) - too_many)
        parts = self._parts(console, options, cycles, True)
        if self._lines(console, options, parts) <= room:
            return parts
        return self._parts(console, options, cycles, False)

    def _parts(
        self, console: Console, options: ConsoleOptions, cycles: int | None, with_curves: bool
    ) -> list[RenderableType]:
        about = f"{self._looked:%H:%M:%S} · a look every {self._every:g} s · Ctrl-C ends"
        first = Text(about, style="dim")
        if self._trouble:
            first = Text(f"{self._looked:%H:%M:%S} {plain_text(self._trouble)} Trying again.", style="red")
        if self._view is None:
            return [first]
        status, width = self._view.status, options.max_width
        lines = [*title(status), *header(status)]
        for line in lines:
            line.overflow = "fold"
        middle = progress(status, console, width, cycles, with_curves)
        return [first, *lines, *middle, *people(self._view, width)]

    @staticmethod
    def _lines(console: Console, options: ConsoleOptions, parts: list[RenderableType]) -> int:
        return len(console.render_lines(Group(*parts), options.update(height=None)))


@dataclass(frozen=True)
class Mark:
    """What was there at the last look: how many commits, and which deliveries and receipts."""

    commits: int = 0
    handed_out: tuple[str, ...] = ()


def mark_of(store: Store, before: Mark | None = None) -> Mark:
    """What is there now; commits that were there before are taken as there.

    Cost: one look for each new commit and one for the next, and a listing of `queries/`.
    """
    commits = before.commits if before is not None else 0
    commits += len(list(until_none(lambda further: store.exists(commit_key(commits + further)) or None)))
    return Mark(commits, tuple(store.keys("queries/")))


REST = 9
"""A look at a large campaign takes seconds: the pause after it is at least so many times as long."""

Show = Callable[[View | None, str], None]
"""Shows a view, and what went wrong at the last look, empty where nothing did."""


class Watched:
    """Looks at a campaign again and again; commits and summaries are read again only where there is something new."""

    def __init__(self, store: Store, root: str) -> None:
        self._store, self._root = store, root
        self._mark: Mark | None = None
        self._status: CampaignStatus | None = None

    def look(self) -> View:
        """The view now. Who is awaited is asked again each time.

        Raises:
            TransientError: the store does not answer.
            CampaignError: no campaign there, or it is damaged.
        """
        mark = mark_of(self._store, self._mark)
        if self._status is None or mark != self._mark:
            self._status = read_status(self._store, self._root)
            self._mark = mark
        return read_view(self._store, self._status)


def watch_campaign(store: Store, root: str, every: float, as_json: bool) -> None:
    """Show the campaign at `root` and what changes in it, until Ctrl-C or until nobody reads the output any more.

    Where the store does not answer, that is shown, and it is asked again.

    Args:
        store: the campaign's.
        root: its root as the user wrote it.
        every: seconds between two looks.
        as_json: print a line of JSON for each change.
    """
    try:
        if as_json:
            _look_on(Watched(store, root), every, _json_lines())
        else:
            with _screen(Console(file=sys.stdout), every) as show:
                _look_on(Watched(store, root), every, show)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # What is left in the buffer has no reader: Python must not fail on it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _look_on(watched: Watched, every: float, show: Show) -> None:
    view: View | None = None
    show(view, "")
    while True:
        begun = time.monotonic()
        try:
            view, trouble = watched.look(), ""
        except (TransientError, OSError) as error:
            trouble = str(error)
        show(view, trouble)
        time.sleep(max(every, REST * (time.monotonic() - begun)))


def _json_lines() -> Show:
    shown, warned = "", ""

    def show(view: View | None, trouble: str) -> None:
        nonlocal shown, warned
        warned = _warn_once(trouble, warned)
        line = shown if view is None else json.dumps(status_facts(view))
        if line != shown:
            print(line, flush=True)
            shown = line

    return show


def _warn_once(trouble: str, warned: str) -> str:
    """Say on stderr what went wrong, once; returns what is said now."""
    if trouble and trouble != warned:
        print(f"note: {plain_text(trouble)}", file=sys.stderr, flush=True)
    return trouble


@contextmanager
def _screen(console: Console, every: float) -> Iterator[Show]:
    """On a terminal one screen that is drawn again; elsewhere the whole dashboard after each change."""
    if not console.is_terminal:
        yield _printed(console)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        yield lambda view, trouble: live.update(WatchedScreen(view, trouble, every, datetime.now()), refresh=True)


def _printed(console: Console) -> Show:
    shown, warned = None, ""

    def show(view: View | None, trouble: str) -> None:
        nonlocal shown, warned
        warned = _warn_once(trouble, warned)
        facts = None if view is None else status_facts(view)
        if view is not None and facts != shown:
            print_status(console, view.status)
            print_people(console, view)
            console.print()
            console.file.flush()
            shown = facts

    return show
