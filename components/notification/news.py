"""What happened, as machines and people are told of it."""

from dataclasses import dataclass, field
from typing import Any

from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.config.notify import Event
from labelcycle.components.core.errors import printable
from labelcycle.components.core.logging.events import without_secrets
from labelcycle.components.core.runtime.authorship import now

LONGEST_DETAIL = 500
"""Characters of an error that are told; the log has all of it."""

HEADLINES: dict[Event, str] = {
    "labels_awaited": "labels are awaited",
    "target_met": "the target is met",
    "budget_spent": "the budget is spent",
    "campaign_stopped": "the campaign has ended",
    "cycle_failed": "a cycle failed",
}


@dataclass(frozen=True)
class News:
    """One thing that happened.

    Attributes:
        event: what kind of thing.
        campaign: the campaign's identifier.
        root: its folder or S3 prefix.
        cycle: the cycle that it is about.
        detail: what happened, in a sentence without the full stop.
        labels, answers, budget: labels to learn from, answers paid for, and what may be asked for in all.
        accuracy: of the last model on the test set; None before there is one.
        awaited: samples that people have to answer.
        place: where they do; empty where they need not.
        time: ISO 8601 in UTC.
    """

    event: Event
    campaign: str
    root: str
    cycle: int
    detail: str
    labels: int = 0
    answers: int = 0
    budget: int = 0
    accuracy: float | None = None
    awaited: int = 0
    place: str = ""
    time: str = field(default_factory=now)

    @property
    def identifier(self) -> str:
        """The same for every try to tell it, and another for anything else: receivers know by it what they have."""
        return f"{self.campaign}-{self.cycle}-{self.event}"

    @property
    def headline(self) -> str:
        """A line such as the subject of a mail."""
        return f"{self.campaign}: {HEADLINES[self.event]}"

    @property
    def text(self) -> str:
        """A sentence or two."""
        where = f" {self.place}" if self.place else ""
        return f"{self.campaign}, cycle {self.cycle}: {self.detail}.{where}"

    def as_json(self) -> dict[str, Any]:
        """For machines; `text` is what Slack shows, with its three special characters escaped."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"text": _escaped(self.text), "id": self.identifier, **fields}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def news_of(event: Event, state: State, root: str, cycle: int, detail: str, awaited: int = 0, place: str = "") -> News:
    """News of a campaign in this state.

    Args:
        event: what happened.
        state: the campaign's.
        root: its address.
        cycle: what the news is about.
        detail: in a sentence; what is too long is cut.
        awaited: samples that people have to answer.
        place: where they do.
    """
    last = state.summaries[-1] if state.summaries else None
    said = printable(without_secrets(" ".join(detail.split()))).rstrip(".")
    return News(
        event=event,
        campaign=state.campaign.identifier,
        root=root,
        cycle=cycle,
        detail=said if len(said) <= LONGEST_DETAIL else f"{said[:LONGEST_DETAIL]}…",
        labels=last.labels if last else 0,
        answers=last.answers if last else 0,
        budget=state.campaign.budget,
        accuracy=state.measured[-1].accuracy if state.measured else None,
        awaited=awaited,
        place=place,
    )
