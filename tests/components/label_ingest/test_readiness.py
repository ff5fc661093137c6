"""Readiness: quorum, share and deadline."""

from datetime import UTC, datetime, timedelta

import pytest

from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.config.labelling import Labelling
from labelcycle.components.label_ingest.readiness import AnsweredRequests, answers_to, readiness

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def people(sample: str, count: int) -> list[Vote]:
    return [Vote(sample, f"person {number}", "cat", "ok", "", "") for number in range(count)]


@pytest.mark.parametrize(
    ("opinion", "votes", "place"),
    [(1, 0, "open"), (1, 1, "begun"), (1, 2, "complete"), (1, 3, "complete"), (2, 2, "open"), (2, 3, "begun")]
    + [(2, 4, "complete"), (3, 4, "open"), (3, 6, "complete")],
)
def test_each_opinion_wants_a_quorum_of_its_own(opinion: int, votes: int, place: str) -> None:
    request = LabelRequest(0, "a", opinion)
    answers = answers_to([request], people("a", votes), quorum=2)
    assert getattr(answers, place) == [request]
    assert len(answers.complete) + len(answers.unanswered) == 1


def answers(complete: int, begun: int = 0, left: int = 0) -> AnsweredRequests:
    requests = [LabelRequest(0, str(number), 1) for number in range(complete + begun + left)]
    return AnsweredRequests(requests[:complete], requests[complete : complete + begun], requests[complete + begun :])


@pytest.mark.parametrize(
    ("share", "found", "ready"),
    [
        (1.0, answers(10), True),
        (1.0, answers(9, 1), False),
        (0.8, answers(8, 0, 2), True),
        (0.8, answers(7, 3), False),
        (0.7, answers(7, 0, 3), True),
        (0.01, answers(0, 1, 9), False),
        (0.01, answers(1, 0, 9), True),
    ],
)
def test_the_share_of_the_query(share: float, found: AnsweredRequests, ready: bool) -> None:
    assert readiness(Labelling(share=share), found, NOON, NOON).ready is ready


@pytest.mark.parametrize(
    ("hours", "found", "ready", "reason"),
    [
        (1, answers(3, 0, 7), False, "3 of 10 answers are there, 10 are wanted, or any by 2026-01-05 14:00 UTC"),
        (2, answers(3, 0, 7), True, "3 of 10 answers are there; the deadline, 2026-01-05 14:00 UTC, has passed"),
        (3, answers(0, 1, 9), True, "0 of 10 answers are there; the deadline"),
        (3, answers(0, 0, 10), False, "nobody answered by the deadline, 2026-01-05 14:00 UTC"),
        (-3, answers(3, 0, 7), False, "or any by"),
    ],
    ids=["before", "at it", "begun answers count", "nobody", "a clock that is behind"],
)
def test_the_deadline(hours: float, found: AnsweredRequests, ready: bool, reason: str) -> None:
    result = readiness(Labelling(deadline_hours=2), found, NOON, NOON + timedelta(hours=hours))
    assert result.ready is ready and reason in result.reason
    assert result.deadline == NOON + timedelta(hours=2)


def test_no_deadline_holds_while_the_query_was_not_handed_out() -> None:
    result = readiness(Labelling(deadline_hours=2), answers(1, 0, 1), None, NOON + timedelta(days=99))
    assert not result.ready and result.deadline is None
