"""Who is awaited: how much of the query is answered, by whom, what is open and until when."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from labelcycle.pipelines.dashboard.figures import bar
from labelcycle.pipelines.dashboard.plain_text import plain_text

if TYPE_CHECKING:
    from labelcycle.components.label_ingest.outlook import Outlook

SHOWN_SAMPLES = 5
SHOWN_ANNOTATORS = 12


def awaited(outlook: "Outlook", width: int, now: datetime) -> list[RenderableType]:
    """The lines about the open query.

    Args:
        outlook: how far it is answered.
        width: characters there are for a bar.
        now: with a time zone.
    """
    lines: list[RenderableType] = [
        Text(f"{outlook.answered} of {outlook.asked} samples of the query are answered."),
        bar(outlook.answered, outlook.asked, width),
    ]
    if outlook.votes_by_annotator:
        lines.append(Text(f"votes: {_votes(outlook.votes_by_annotator)}"))
    if outlook.open:
        names = ", ".join(repr(name) for name in outlook.open[:SHOWN_SAMPLES])
        more = len(outlook.open) - SHOWN_SAMPLES
        lines.append(Text(f"open: {names}" + (f", and {more} more" if more > 0 else "")))
    if outlook.outstanding:
        lines.append(Text(f"late: {outlook.outstanding} samples of earlier queries have still no answer"))
    lines.append(Text(f"next cycle: {plain_text(outlook.goes_on)}"))
    if outlook.deadline is not None:
        lines.append(Text(f"deadline: {_deadline(outlook.deadline, now)}"))
    return lines


def _votes(votes: dict[str, int]) -> str:
    """Who voted how often, the busiest first."""
    ranked = sorted(votes.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{plain_text(name) or '(not named)'} {count}" for name, count in ranked[:SHOWN_ANNOTATORS]]
    rest = ranked[SHOWN_ANNOTATORS:]
    if rest:
        shown.append(f"{len(rest)} others {sum(count for _, count in rest)}")
    return " · ".join(shown)


def _deadline(text: str, now: datetime) -> str:
    """The deadline and how far off it is; as it came, where it is no time that can be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return plain_text(text)
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC, {_time_left(moment - now)}"


def _time_left(left: timedelta) -> str:
    if left <= timedelta(0):
        return "passed"
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    days, hours = divmod(hours, 24)
    return f"in {days} d {hours} h" if days else f"in {hours} h {minutes} min"
