"""What the model is made of: the store, the people, and the runners.

Samples are the bits of a mask; a second answer about a sample is one more bit, beyond those of the pool. A model's
weights are a small number: two runners that train on the same labels may come to different ones, as other hardware
makes them. An attempt is named by all that it depends on, so here it is that.
"""

from typing import Any, NamedTuple, TypeAlias


class Attempt(NamedTuple):
    """A cycle's inputs, which name the attempt at it.

    Attributes:
        cycle: the cycle.
        labels: the samples whose answers were read, and count in the budget.
        asked: the samples that the commits before ask for.
        previous: the digest of the commit before, 0 where there is none.
        amended: how many amendments it knows of.
        learnt: those of `labels` that a model learns from.
    """

    cycle: int
    labels: int
    asked: int
    previous: int
    amended: int = 0
    learnt: int = 0


class Reference(NamedTuple):
    """An object's key, which holds its content's digest: two contents are two objects."""

    attempt: Attempt
    name: str
    content: Any


class Commit(NamedTuple):
    """A commit: its attempt and the objects that it names."""

    attempt: Attempt
    objects: tuple[Reference, ...]

    def content(self, name: str) -> Any:
        """The content of the object of that name; None where the commit has none."""
        return next((one.content for one in self.objects if one.name == name), None)

    @property
    def digest(self) -> int:
        """A number that no other commit has."""
        return DIGESTS.setdefault(self, len(DIGESTS) + 1)

    @property
    def query(self) -> int:
        """The samples that it asks for."""
        return int(self.content("query")[1])


DIGESTS: dict[Commit, int] = {}


class Record(NamedTuple):
    """The record of a stage that has run: the objects that it made, in their order."""

    attempt: Attempt
    stage: str
    objects: tuple[Reference, ...]


class Runner(NamedTuple):
    """A process in a stage, before its next step.

    Attributes:
        stage: what it does.
        step: what it does next.
        attempt: that it works on; None while label_ingest reads.
        objects: that it has made or is about to write, in their order.
        commit: that it has read, or is about to write.
        amended: how many amendments it has read.
    """

    stage: str
    step: str
    attempt: Attempt | None = None
    objects: tuple[Reference, ...] = ()
    commit: Commit | None = None
    amended: int = 0


class World(NamedTuple):
    """One state of everything.

    Attributes:
        decisions: attempts that have a `decision.json`.
        objects: that are in the store and that anything names.
        records: of the stages that have run.
        commits: by cycle.
        handed_out: the samples of each cycle's CSV; None while there is none.
        receipts: whether each cycle's query has its receipt.
        answers: samples that people have answered.
        former: those of them whose answers have the names that classes had before they were amended.
        amended: how often people have amended the campaign.
        withdrawals: the samples that each amendment takes out; none where it allows one more.
        runners: None for one that does nothing.
    """

    decisions: frozenset[Attempt] = frozenset()
    objects: frozenset[Reference] = frozenset()
    records: frozenset[Record] = frozenset()
    commits: tuple[Commit, ...] = ()
    handed_out: tuple[int | None, ...] = ()
    receipts: tuple[bool, ...] = ()
    answers: int = 0
    former: int = 0
    amended: int = 0
    withdrawals: tuple[int, ...] = ()
    runners: tuple[Runner | None, ...] = ()

    def record(self, attempt: Attempt, stage: str) -> Record | None:
        """The record of a stage of an attempt."""
        return next((one for one in self.records if one.attempt == attempt and one.stage == stage), None)

    @property
    def asked(self) -> int:
        """All samples that committed queries ask for."""
        mask = 0
        for commit in self.commits:
            mask |= commit.query
        return mask

    def gone(self, amended: int) -> int:
        """The samples that are withdrawn by the first so many amendments."""
        mask = 0
        for withdrawal in self.withdrawals[:amended]:
            mask |= withdrawal
        return mask

    def more(self, amended: int) -> int:
        """By how many samples the first so many amendments make the budget larger."""
        return sum(withdrawal == 0 for withdrawal in self.withdrawals[:amended])

    @property
    def ended(self) -> bool:
        """Whether the last commit asks for nothing and knows of every amendment, so that the campaign is at its end."""
        return bool(self.commits) and self.commits[-1].query == 0 and self.commits[-1].attempt.amended == self.amended


class Bounds(NamedTuple):
    """How large the model is.

    Attributes:
        runners: processes that work at once.
        budget: samples that may be asked for; one more is in the pool for each other result of a training.
        batch: samples a query.
        enough: answers to a query after which the next cycle may begin.
        results: different results that the same training, or evaluation, may come to.
        amendments: how often people may amend the campaign, each time by other names of its classes, and by one sample
            more that may be asked for.
        withdrawals: how often people may take a sample out.
        rechecks: labels that a query may ask for again.
    """

    runners: int = 2
    budget: int = 2
    batch: int = 1
    enough: int = 1
    results: int = 1
    amendments: int = 0
    withdrawals: int = 0
    rechecks: int = 0

    @property
    def pool(self) -> int:
        """Samples in the pool."""
        return self.budget + self.amendments + self.withdrawals + self.results - 1


class Rules(NamedTuple):
    """What the protocol rests on; each may be broken to see that the checker notices.

    Attributes:
        commit_if_absent: a commit is written only where there is none.
        record_if_absent: the first run of a stage keeps its record.
        objects_before_record: a stage's record is written after the objects that it names.
        objects_before_commit: a commit is written after everything that it names.
        commit_before_hand_out: a query is delivered once it is committed.
        csv_if_absent: a query that was delivered is never replaced.
        outstanding_counts: samples that were asked for and not answered count against the budget.
        ingest_mends: label_ingest delivers what publish was killed before.
        amendments_after_commits: label_ingest reads amendments once it has read commits.
        decisions_name_amendments: what a cycle does follows the amendments that its decision names.
        rechecks_of_labels: labels are asked for again that were given, not samples that still wait for theirs.
        rechecks_once: no label is asked for again twice.
        classes_of_the_decision: training and evaluation take the classes of these amendments, not the newest ones.
        former_names_count: answers under names that classes had before count as what these are now.
        queries_leave_out_withdrawn: what was withdrawn is no candidate.
        labels_leave_out_withdrawn: nobody learns from what was withdrawn.
        withdrawn_is_not_awaited: label_ingest does not wait for answers about what was withdrawn.
    """

    commit_if_absent: bool = True
    record_if_absent: bool = True
    objects_before_record: bool = True
    objects_before_commit: bool = True
    commit_before_hand_out: bool = True
    csv_if_absent: bool = True
    outstanding_counts: bool = True
    ingest_mends: bool = True
    amendments_after_commits: bool = True
    decisions_name_amendments: bool = True
    rechecks_of_labels: bool = True
    rechecks_once: bool = True
    classes_of_the_decision: bool = True
    former_names_count: bool = True
    queries_leave_out_withdrawn: bool = True
    labels_leave_out_withdrawn: bool = True
    withdrawn_is_not_awaited: bool = True


Step: TypeAlias = tuple[str, World]
"""What happens, and the state after it."""


def beginning(bounds: Bounds) -> World:
    """A campaign that was just initialised."""
    return World(runners=(None,) * bounds.runners)
