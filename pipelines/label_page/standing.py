"""How the work stands for one person: what is still to be answered, by whom, and what was answered."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.rechecks import NOBODY, answer_name
from labelcycle.components.labelling.people import person
from labelcycle.pipelines.label_page.answer_sheet import AnswerSheet, PersonsAnswer
from labelcycle.pipelines.label_page.open_queries import OpenQueries


@dataclass(frozen=True)
class QueryProgress:
    """Counts of samples.

    Attributes:
        cycle: that of the last query.
        asked: in the last query.
        answered: of these, those that this person need not answer any more.
        earlier: in earlier queries, that this person can answer still.
        for_others: in any query, that only somebody else can answer.
    """

    cycle: int
    asked: int
    answered: int
    earlier: int
    for_others: int


@dataclass(frozen=True)
class Standing:
    """What the open queries and their CSVs come to for one person.

    Attributes:
        queries: that are open.
        sheets: their CSVs, by cycle.
        annotator: who labels; empty where nobody is named.
        waiting: what this person can answer, in the order in which it is asked.
        lacking: what lacks answers, of anybody.
        mine: the person's answers that no cycle has taken in, with what they answer.
    """

    queries: OpenQueries
    sheets: Mapping[int, AnswerSheet]
    annotator: str
    waiting: list[LabelRequest]
    lacking: list[LabelRequest]
    mine: list[tuple[LabelRequest, PersonsAnswer]]

    @property
    def progress(self) -> QueryProgress:
        """How far the work is."""
        last = self.queries.last
        asked = sum(request.cycle == last for request in self.queries.asked)
        still = sum(request.cycle == last for request in self.waiting)
        return QueryProgress(
            last, asked, asked - still, len(self.waiting) - still, len(self.lacking) - len(self.waiting)
        )

    def in_the_way(self, request: LabelRequest) -> PersonsAnswer | None:
        """The answer that makes another one unwanted: the person's own, or any where no more are wanted."""
        answers = self.sheets[request.cycle].answers.get(request.sample_id, [])
        own = [answer for answer in answers if person(answer.annotator) == person(self.annotator)]
        return next(iter(own or ([] if request in self.lacking else answers)), None)

    def labels(self) -> dict[str, str]:
        """The class of each sample that has one, those answered just now among them."""
        found = dict(self.queries.labels)
        for sheet in self.sheets.values():
            for sample_id, answers in sheet.answers.items():
                for label in filter(None, (answer.label for answer in answers)):
                    found[sample_id] = self.queries.campaign.class_of(label)
        return found


def standing(queries: OpenQueries, sheets: Mapping[int, AnswerSheet], annotator: str) -> Standing:
    """How the work stands for a person.

    A further opinion that nobody signs is somebody else's than those before, and an answer to a recheck is another one
    than the person's first, as label_ingest takes them.

    Args:
        queries: that are open.
        sheets: their CSVs, by cycle.
        annotator: who labels.

    Cost: O(samples that are asked about).
    """
    voters = {sample_id: set(names) for sample_id, names in queries.voters.items()}
    given: list[tuple[LabelRequest, PersonsAnswer]] = []
    for request in queries.asked:
        for answer in sheets[request.cycle].answers.get(request.sample_id, []):
            voters.setdefault(request.sample_id, set()).add(_signed(answer.annotator, request))
            given.append((request, answer))
    quorum = queries.campaign.labelling.quorum
    lacking = [one for one in queries.asked if not _is_answered(one, voters.get(one.sample_id, ()), quorum)]
    waiting = [one for one in lacking if _signed(annotator, one) not in voters.get(one.sample_id, ())]
    mine = [
        (request, answer)
        for request, answer in given
        if person(answer.annotator) == person(annotator)
        and _signed(annotator, request) not in queries.voters.get(request.sample_id, ())
    ]
    return Standing(queries, sheets, annotator, waiting, lacking, mine)


def _signed(annotator: str, request: LabelRequest) -> str:
    """Whose answer it counts as."""
    another = request.recheck or (request.opinion > 1 and not annotator)
    return person(answer_name(annotator, request.cycle) if another else annotator)


def _is_answered(request: LabelRequest, voters: Collection[str], quorum: int) -> bool:
    """Whether enough of these people have answered a request: a recheck since it was made."""
    if request.recheck:
        return sum(name.endswith(_signed("", request).removeprefix(NOBODY)) for name in voters) >= quorum
    return len(voters) >= request.opinion * quorum
