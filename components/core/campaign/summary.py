"""The headline figures of a committed cycle: as the commit keeps them, and with what its query was worth."""

from dataclasses import dataclass
from typing import Self

from labelcycle.components.core.campaign.commits import Commit, commit_key
from labelcycle.components.core.campaign.estimate import AccuracyEstimate, NoEstimate, accuracy_in_words
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import RESTORE, ObjectReference, Record, read_record


class KnownUnknown(Record):
    """What a query was worth: picks that the model had right, those that it had wrong, and unknown / known.

    The ratio is None where nothing was known, or where no model had predicted yet.
    """

    known: int
    unknown: int
    known_unknown_ratio: float | None


class SummaryRecord(Record):
    """What a commit keeps as `summary`: the figures of `CycleSummary`, and what the query before was worth.

    What its own query was worth is reported by the cycle after. Earlier versions, which measured every model on a test
    set that never changed, have neither `test_samples` nor `estimate`; nor have campaigns of which that is still true.
    """

    cycle: int
    labels: int
    answers: int
    outstanding: int = 0
    accuracy: float | None
    macro_f1: float | None
    ece: float | None
    space: str | None
    query_size: int
    final: bool = False
    stopped: str | None = None
    previous_query: KnownUnknown | None
    test_samples: int | None = None
    estimate: AccuracyEstimate | NoEstimate | None = None
    test_labels_corrected: int = 0


@dataclass(frozen=True)
class CycleSummary:
    """The headline figures of a committed cycle.

    `labels` counts samples with a label to learn from, `answers` the samples asked for that have their answers,
    `outstanding` those asked for before this cycle that have not. `final` marks the cycle that trained the model which
    the campaign keeps; it asks for nothing and ends the campaign. `stopped` says why the recipe's stop rule ended the
    campaign at this cycle. `accuracy`, `macro_f1` and `ece` are of the test set: None where no model was trained, or
    there was nothing to test it with; `estimate` then says what stands in for it. `test_samples` is given where the
    test set can grow; `test_labels_corrected` of them had another label, or lost theirs, in the cycle before.
    """

    cycle: int
    labels: int
    answers: int
    accuracy: float | None
    macro_f1: float | None
    ece: float | None
    space: str | None
    query_size: int
    known_unknown_ratio: float | None = None
    known: int | None = None
    unknown: int | None = None
    final: bool = False
    stopped: str | None = None
    outstanding: int = 0
    test_samples: int | None = None
    estimate: AccuracyEstimate | NoEstimate | None = None
    test_labels_corrected: int = 0

    @property
    def trained(self) -> bool:
        """Whether the cycle trained a model."""
        return self.space is not None or self.accuracy is not None

    @property
    def accuracy_in_words(self) -> str:
        """The accuracy of the cycle's model, and what it is of, for people."""
        return accuracy_in_words(self.accuracy, self.test_samples, self.estimate)

    @classmethod
    def of(cls, record: SummaryRecord, worth: KnownUnknown | None = None) -> Self:
        """The figures of a cycle's record, with what its query was worth where that is known."""
        return cls(
            cycle=record.cycle,
            labels=record.labels,
            answers=record.answers,
            accuracy=record.accuracy,
            macro_f1=record.macro_f1,
            ece=record.ece,
            space=record.space,
            query_size=record.query_size,
            known_unknown_ratio=worth.known_unknown_ratio if worth else None,
            known=worth.known if worth else None,
            unknown=worth.unknown if worth else None,
            final=record.final,
            stopped=record.stopped,
            outstanding=record.outstanding,
            test_samples=record.test_samples,
            estimate=record.estimate,
            test_labels_corrected=record.test_labels_corrected,
        )


def read_summary(store: Store, commit: Commit) -> SummaryRecord:
    """The summary that a commit keeps.

    Raises:
        CampaignError: it names none, or that is gone, was changed, or is no summary.
    """
    return read_record(store, _summary_of(store, commit), SummaryRecord)


def _summary_of(store: Store, commit: Commit) -> ObjectReference:
    if "summary" not in commit.objects:
        raise CampaignError(f"{store.locate(commit_key(commit.cycle))} names no summary of its cycle. {RESTORE}")
    return commit.objects["summary"]
