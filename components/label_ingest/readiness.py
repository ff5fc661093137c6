"""Readiness: which requests have their answers, and whether the next cycle may begin."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.rechecks import is_second_answer, rechecked_samples
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.config.labelling import Labelling
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivery_record import read_delivery_record


@dataclass(frozen=True)
class AnsweredRequests:
    """Requests with and without their answers, in the order in which they were made.

    Attributes:
        complete: those with as many votes as were wanted.
        begun: those with votes, but fewer.
        open: those that nobody has answered.
    """

    complete: list[LabelRequest]
    begun: list[LabelRequest]
    open: list[LabelRequest]

    @property
    def unanswered(self) -> list[LabelRequest]:
        """Those that still want votes, the ones that have some first."""
        return [*self.begun, *self.open]


def answers_to(requests: Iterable[LabelRequest], votes: Iterable[Vote], quorum: int) -> AnsweredRequests:
    """Sort requests by the votes that they have: the n-th opinion on a sample wants n times `quorum` people.

    A recheck wants `quorum` answers that were given to it.

    Args:
        requests: of one or several queries.
        votes: in force.
        quorum: people who answer a request.

    Cost: O(requests + votes).
    """
    requests, votes = list(requests), list(votes)
    rechecked = rechecked_samples(requests)
    people = Counter(vote.sample_id for vote in votes)
    again = Counter(vote.sample_id for vote in votes if is_second_answer(vote, rechecked)) if rechecked else Counter()
    sorted_out = AnsweredRequests([], [], [])
    for request in requests:
        earlier = (request.opinion - 1) * quorum
        for_this = again[request.sample_id] if request.recheck else people[request.sample_id] - earlier
        group = sorted_out.complete if for_this >= quorum else sorted_out.begun if for_this > 0 else sorted_out.open
        group.append(request)
    return sorted_out


@dataclass(frozen=True)
class Readiness:
    """Whether to go on, and why or until when not."""

    ready: bool
    reason: str
    deadline: datetime | None


def readiness(settings: Labelling, answers: AnsweredRequests, handed_out: datetime | None, now: datetime) -> Readiness:
    """Whether the answers to the last query are enough for the next cycle.

    They are when the share of the query that the settings ask for is complete, or when the deadline has passed and
    anything was answered. A hand-out in the future, as clocks that differ make it, has not passed.

    Args:
        settings: of the campaign.
        answers: to the last query.
        handed_out: when people got it; None while that is not known, so that no deadline holds.
        now: the time.
    """
    asked = len(answers.complete) + len(answers.unanswered)
    wanted = math.ceil(round(settings.share * asked, 9))
    done = len(answers.complete)
    deadline = None
    if settings.deadline_hours is not None and handed_out is not None:
        deadline = handed_out + timedelta(hours=settings.deadline_hours)
    counted = f"{done} of {asked} answers are there"
    if done >= wanted:
        return Readiness(True, counted, deadline)
    if deadline is None:
        return Readiness(False, f"{counted}, {wanted} are wanted", None)
    if now < deadline:
        return Readiness(False, f"{counted}, {wanted} are wanted, or any by {when(deadline)}", deadline)
    if done or answers.begun:
        return Readiness(True, f"{counted}; the deadline, {when(deadline)}, has passed", deadline)
    return Readiness(False, f"nobody answered by the deadline, {when(deadline)}; the first answer is awaited", deadline)


def readiness_now(store: Store, state: State, answers: AnsweredRequests) -> Readiness:
    """`readiness` by this machine's clock, for the answers to the last query.

    Cost: one small read where the campaign has a deadline.
    """
    settings = state.campaign.labelling
    record = None if settings.deadline_hours is None else read_delivery_record(store, state.commits[-1].cycle)
    return readiness(settings, answers, None if record is None else record.handed_out, datetime.now(UTC))


def when(time: datetime) -> str:
    """A time for people: date, hours and minutes, and the zone."""
    return f"{time:%Y-%m-%d %H:%M} {time.tzname() or 'UTC'}"
