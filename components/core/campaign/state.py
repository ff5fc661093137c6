"""Where a campaign stands, read from its commits alone."""

from dataclasses import dataclass
from typing import Literal, Self

from labelcycle.components.core.campaign.campaign import Campaign, load_campaign
from labelcycle.components.core.campaign.commits import Commit, commit_key, read_commits
from labelcycle.components.core.campaign.metrics import KnownUnknown
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import RESTORE, ObjectReference, Record, read_record

Phase = Literal["new", "labelling", "done"]


class SummaryRecord(Record):
    """What a commit keeps as `summary`: the figures of `CycleSummary`, and what the query before was worth.

    What its own query was worth is reported by the cycle after.
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


@dataclass(frozen=True)
class CycleSummary:
    """The headline figures of a committed cycle.

    `labels` counts samples with a label, `answers` the samples asked for that have their answers, `outstanding` those
    asked for before this cycle that have not. `final` marks the cycle that trained the model which the campaign keeps;
    it asks for nothing and ends the campaign. `stopped` says why the recipe's stop rule ended the campaign at this
    cycle.
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
        )


@dataclass(frozen=True)
class State:
    """A campaign, its commits and their summaries.

    `labelling` means that the last query has still to be answered, whether by people or by a label file that has the
    answers already.
    """

    campaign: Campaign
    commits: list[Commit]
    summaries: list[CycleSummary]

    @property
    def phase(self) -> Phase:
        """What comes next."""
        if not self.commits:
            return "new"
        return "labelling" if self.summaries[-1].query_size else "done"

    @property
    def why_done(self) -> str:
        """Why a campaign whose phase is `done` asks for no more labels."""
        last = self.summaries[-1]
        late = f"; {last.outstanding} more were asked for and never answered" if last.outstanding else ""
        if self.final is not None:
            return f"the campaign was finalized with {last.answers} of {self.campaign.budget} labels{late}"
        if last.stopped is not None:
            return f"the stop rule ended it after {last.answers} of {self.campaign.budget} labels{late}: {last.stopped}"
        if last.answers + last.outstanding >= self.campaign.budget:
            return f"the budget of {self.campaign.budget} labels is spent{late}"
        return f"the pool is exhausted after {last.answers} of {self.campaign.budget} labels{late}"

    @property
    def trained(self) -> list[CycleSummary]:
        """Summaries of the learning cycles that trained a model: neither the cold start nor the final model."""
        return [summary for summary in self.summaries if summary.accuracy is not None and not summary.final]

    @property
    def final(self) -> CycleSummary | None:
        """The summary of the final model, once the campaign is finalized."""
        return self.summaries[-1] if self.summaries and self.summaries[-1].final else None


def read_state(store: Store) -> State:
    """Read the campaign, its commits and one summary a commit.

    What a query was worth is known one cycle later, so it is taken from the summary of the cycle after.

    Cost: two small reads a cycle, several at once.
    """
    campaign = load_campaign(store)
    commits = read_commits(store)
    records = concurrently(lambda commit: read_summary(store, commit), commits)
    later = [*(record.previous_query for record in records[1:]), None]
    summaries = [CycleSummary.of(record, worth) for record, worth in zip(records, later, strict=False)]
    return State(campaign, commits, summaries)


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
