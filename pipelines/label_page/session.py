"""One person at work: which sample comes next, what was answered, and where each answer is kept.

Every answer is in the query's CSV before the page hears of it, so that a kill loses none, and another session goes on
where this one was. Several may label at once: before each write the file is read again, and whoever finds that others
answer too works from the other end.
"""

import shlex
import threading
import time
from datetime import UTC, datetime

from labelcycle.components.core.campaign.amendments import FOLDER
from labelcycle.components.core.campaign.commits import newest_commit
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.label_page.answer_sheet import AnswerSheet, PersonsAnswer, read_sheet
from labelcycle.pipelines.label_page.open_queries import read_open_queries
from labelcycle.pipelines.label_page.standing import Standing, standing

TRIES = 50
"""How often an answer is written anew because somebody else wrote at the same moment."""

SECONDS_BETWEEN_LOOKS = 30.0
"""How often a session looks at the campaign while the person answers, beside each time that the page is loaded."""

GIVEN = ("ok", "skip", "unsure")


class AnsweredMeanwhile(Exception):
    """The sample has got another answer since the page showed it; that one stays."""


class LabellingSession:
    """The answers of one person to the open queries of a campaign. Its methods may be called by several threads."""

    def __init__(self, store: Store, root: str, annotator: str = "") -> None:
        """Begin where the person was.

        Args:
            store: the campaign's.
            root: as the user wrote it, for messages.
            annotator: who labels; empty where one answer a sample is enough and nobody is named.

        Raises:
            NothingAsked, CampaignError, ConfigurationError: as `read_open_queries`; or several people label and
                `annotator` is empty.
            InputError: the CSV of a query is none any more.
        """
        self._store, self.root = store, root
        self.annotator = " ".join(annotator.split())
        self._lock = threading.RLock()
        self._sheets: dict[int, tuple[bytes, AnswerSheet]] = {}
        self._back_to: tuple[int, str] | None = None
        self._answered: set[tuple[int, str]] = set()
        self._from_the_end = False
        self._read()
        self._looked = time.monotonic()
        if not self.annotator and self.queries.campaign.labelling.by_several_people:
            raise ConfigurationError("Several people label this campaign: say who you are, with --annotator NAME.")

    def look_again(self) -> None:
        """Look whether the campaign has another query by now or was amended, and what was written into the CSVs.

        Raises:
            NothingAsked: the campaign awaits no labels any more.
            InputError: the CSV of a query is none any more.

        Cost: two listings, a small read, and the CSVs of the open queries; where there is another query or amendment,
        all that `read_open_queries` reads.
        """
        with self._lock:
            newest = newest_commit(self._store)
            another = newest is not None and newest.cycle != self.queries.last
            if another or self._count_amendments() != self._amendments:
                self._read()
            else:
                self._read_sheets()
            self._looked = time.monotonic()

    def look_again_at_times(self) -> None:
        """`look_again` where that was not done for `SECONDS_BETWEEN_LOOKS`."""
        if time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            self.look_again()

    @property
    def version(self) -> int:
        """A number that grows with each query and each amendment."""
        with self._lock:
            return self.queries.cycles + self._amendments

    @property
    def standing(self) -> Standing:
        """How the work stands, by the CSVs as they were last read."""
        with self._lock:
            return self._standing

    def next_requests(self, count: int) -> list[LabelRequest]:
        """What this person is asked next, at most so many."""
        with self._lock:
            waiting = self._standing.waiting
            ordered = waiting[::-1] if self._from_the_end else list(waiting)
            ordered.sort(key=lambda request: (request.cycle, request.sample_id) != self._back_to)
            return ordered[:count]

    def answer(self, cycle: int, sample_id: str, label: str, status: str) -> PersonsAnswer:
        """Keep the person's answer about a sample.

        Args:
            cycle: whose query asks about it.
            sample_id: the sample.
            label: a class of the campaign; empty for `skip` and `unsure`.
            status: `ok`, `skip` or `unsure`.

        Raises:
            InputError: the sample is not asked about, there is no such class or status, or the CSV is damaged.
            AnsweredMeanwhile: it has another answer already.
            TransientError: the store does not answer, or others write without a pause.

        Cost: the CSV of the query is read and written.
        """
        given = PersonsAnswer(label, status, self.annotator, datetime.now(UTC).isoformat(timespec="milliseconds"))
        with self._lock:
            if status not in GIVEN or (label in self.queries.campaign.classes) != (status == "ok"):
                raise InputError(f"{label or status!r} is no class of this campaign. Load the page again.")
            request = self._request(cycle, sample_id)
            for _ in range(TRIES):
                sheet = self._read_sheet(cycle)
                there = self._standing.in_the_way(request)
                if there is not None:
                    self._from_the_end |= (cycle, sample_id) not in self._answered
                    if there.said != given.said:
                        raise AnsweredMeanwhile(f"This image was answered meanwhile: {there.said}. That answer stays.")
                    return there
                if self._replace(cycle, sheet.with_answer(sample_id, given)):
                    self._answered.add((cycle, sample_id))
                    self._back_to = None
                    return given
        raise TransientError(f"Others write {sheet.address} without a pause. Answer once more.")

    def undo(self) -> LabelRequest | None:
        """Take back the last answer that this person gave on the page and no cycle took in; None where there is none.

        Raises:
            InputError, TransientError: as `answer`.

        Cost: as `answer`.
        """
        with self._lock:
            for _ in range(TRIES):
                given = [(answer.time, request) for request, answer in self._standing.mine if answer.time]
                if not given:
                    return None
                latest, request = max(given, key=lambda one: one[0])
                sheet = self._read_sheet(request.cycle)
                if not any(one is request and answer.time == latest for one, answer in self._standing.mine):
                    continue
                if self._replace(request.cycle, sheet.without_answer(request.sample_id, self.annotator)):
                    self._back_to = (request.cycle, request.sample_id)
                    return request
        raise TransientError("Others write the query's CSV without a pause. Try once more.")

    def _count_amendments(self) -> int:
        return len(self._store.keys(f"{FOLDER}/"))

    def _read(self) -> None:
        self._amendments = self._count_amendments()
        self.queries = read_open_queries(self._store, self.root)
        asked = {request.sample_id for request in self.queries.asked}
        self._ids = SampleIds(lambda: sample_uris(self._store, self.queries.campaign), asked)
        self._sheets.clear()
        self._read_sheets()

    def _read_sheets(self) -> None:
        for cycle in {request.cycle for request in self.queries.asked}:
            self._read_one(cycle)
        self._stand()

    def _read_sheet(self, cycle: int) -> AnswerSheet:
        """The CSV of a query as it is now."""
        if self._read_one(cycle):
            self._stand()
        return self._sheets[cycle][1]

    def _read_one(self, cycle: int) -> bool:
        """Read the CSV of a query; returns whether it is another than before."""
        key = delivery_key(cycle)
        try:
            data = self._store.read(key)
        except FileNotFoundError as error:
            raise CampaignError(
                f"{self._store.locate(key)} is gone. Restore it, or write it anew: "
                f"labelcycle publish {shlex.quote(self.root)}"
            ) from error
        if cycle in self._sheets and self._sheets[cycle][0] == data:
            return False
        sheet = read_sheet(data, self._store.locate(key), self._ids.resolve, self.queries.campaign.understood_classes)
        self._sheets[cycle] = data, sheet
        return True

    def _replace(self, cycle: int, sheet: AnswerSheet) -> bool:
        """Write the CSV of a query, unless somebody else has since it was read."""
        data = sheet.as_bytes()
        if not self._store.write_if_unchanged(delivery_key(cycle), data, self._sheets[cycle][0]):
            return False
        self._sheets[cycle] = data, sheet
        self._stand()
        return True

    def _stand(self) -> None:
        sheets = {cycle: sheet for cycle, (_, sheet) in self._sheets.items()}
        self._standing = standing(self.queries, sheets, self.annotator)

    def _request(self, cycle: int, sample_id: str) -> LabelRequest:
        for request in self.queries.asked:
            if (request.cycle, request.sample_id) == (cycle, sample_id):
                return request
        raise InputError(f"{sample_id!r} is not asked about any more. Load the page again.")
