"""The dashboard laid out for a terminal of some width."""

from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.text import Text

from labelcycle.pipelines.dashboard.awaited import awaited
from labelcycle.pipelines.dashboard.cycle_table import cycle_table
from labelcycle.pipelines.dashboard.figures import budget, courses, money
from labelcycle.pipelines.dashboard.plain_text import plain_text
from labelcycle.pipelines.dashboard.view import Standing, View


def header(standing: Standing) -> list[Text]:
    """Which campaign, where it stands, what to do next and where the report is."""
    campaign = standing.state.campaign
    lines = [
        Text(f"{campaign.identifier} · {campaign.recipe.name}", style="bold"),
        Text(plain_text(standing.step.words)),
        Text.assemble("next: ", (plain_text(standing.step.command), "bold")),
    ]
    if standing.report is not None:
        lines.append(Text(f"report: {plain_text(standing.report)}"))
    return lines


def progress(
    standing: Standing, console: Console, width: int, cycles: int | None = None, with_courses: bool = True
) -> list[RenderableType]:
    """The table of cycles, the courses, budget and cost.

    Args:
        standing: what the commits say.
        console: where it is shown.
        width: of the terminal.
        cycles: how many of the last cycles to list; None for all.
        with_courses: whether the sparklines are shown.
    """
    parts: list[RenderableType] = []
    if standing.state.summaries:
        parts.append(cycle_table(standing.state, console, width, cycles))
    course = courses(standing, width) if with_courses else None
    if course is not None:
        parts += [course, Text()]
    return [*parts, *budget(standing, width), *money(standing)]


def people(view: View, width: int) -> list[RenderableType]:
    """Who is awaited, or why that cannot be told."""
    parts: list[RenderableType] = []
    if view.outlook is not None:
        parts += [Text(), *awaited(view.outlook, width, datetime.now(UTC))]
    if view.note is not None:
        parts += [Text(), Text(f"note: {plain_text(view.note)}", style="yellow")]
    return parts


def print_standing(console: Console, standing: Standing) -> None:
    """Print what the commits say; commands and addresses are never broken, and nothing is where it is piped."""
    for line in header(standing):
        console.print(line, soft_wrap=True, highlight=False)
    _print(console, progress(standing, console, console.width))


def print_people(console: Console, view: View) -> None:
    """Print who is awaited."""
    _print(console, people(view, console.width))


def _print(console: Console, parts: list[RenderableType]) -> None:
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text) and not console.is_terminal, highlight=False)
