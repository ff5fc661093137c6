"""Who and what a campaign waits for, as a person wants to see it. Nothing is written."""

from collections import Counter
from dataclasses import dataclass

from labelcycle.components.core.campaign.rechecks import is_second_answer, rechecked_samples, who_answered
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.storage import Store
from labelcycle.components.label_ingest.last_query import requests_of_last_query, votes_on_last_query
from labelcycle.components.label_ingest.readiness import AnsweredRequests, answers_to, readiness_now

WITH_THE_NEXT_RUN = "with the next run"


@dataclass(frozen=True)
class AwaitedLabels:
    """Where the last query stands.

    Attributes:
        asked: samples in it.
        answered: those with as many votes as are wanted.
        open: ids of the others.
        votes_by_annotator: how many of its samples each person has answered, by name; "" for those without one.
        goes_on: when the next cycle begins, in words.
        deadline: ISO 8601 time from which the answers that are there do; None where there is none.
        outstanding: samples of earlier queries that still lack their answers.
    """

    asked: int
    answered: int
    open: list[str]
    votes_by_annotator: dict[str, int]
    goes_on: str
    deadline: str | None
    outstanding: int

    @property
    def ready(self) -> bool:
        """Whether the next run begins the next cycle."""
        return self.goes_on == WITH_THE_NEXT_RUN


def awaited_labels(store: Store, state: State, labels_from: str = "") -> AwaitedLabels:
    """Look at the label source as the next run would.

    Args:
        store: the campaign's.
        state: the campaign's, with a query out.
        labels_from: a label file instead of the campaign's own source; empty for that.

    Raises:
        InputError: a row of a label file is wrong.
        TransientError: the labelling tool does not answer.

    Cost: the last query's delivery record and the label source, where these tell; else that of `collect_labels`.
    """
    answers, votes, outstanding = _answers(store, state, labels_from)
    ready = readiness_now(store, state, answers)
    requests = [*answers.complete, *answers.unanswered]
    asked, rechecked = {request.sample_id for request in requests}, rechecked_samples(requests)
    people = Counter(
        who_answered(vote.annotator, state.commits[-1].cycle)
        for vote in votes
        if vote.sample_id in asked and (vote.sample_id not in rechecked or is_second_answer(vote, rechecked))
    )
    return AwaitedLabels(
        asked=len(answers.complete) + len(answers.unanswered),
        answered=len(answers.complete),
        open=[request.sample_id for request in answers.unanswered],
        votes_by_annotator=dict(sorted(people.items(), key=lambda item: (-item[1], item[0]))),
        goes_on=WITH_THE_NEXT_RUN if ready.ready else ready.reason,
        deadline=None if ready.deadline is None else ready.deadline.isoformat(),
        outstanding=outstanding,
    )


def _answers(store: Store, state: State, labels_from: str) -> tuple[AnsweredRequests, list[Vote], int]:
    """The answers to the last query, votes not taken in yet, and how many samples of earlier queries lack theirs."""
    requests = requests_of_last_query(store, state)
    votes = None if requests is None else votes_on_last_query(store, state, requests, labels_from)
    if requests is not None and votes is not None:
        return answers_to(requests, votes, state.campaign.labelling.quorum), votes, 0
    from labelcycle.components.label_ingest.collected_labels import collect_labels

    collected = collect_labels(store, state, labels_from)
    new = [vote for vote in collected.new if vote.status != "withdrawn"]
    return collected.answers, new, collected.outstanding - len(collected.answers.unanswered)
