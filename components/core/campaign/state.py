"""Where a campaign stands, read from its commits alone."""

from dataclasses import dataclass, field
from typing import Literal

from labelcycle.components.core.campaign.amendments import AmendedCampaign, read_amended_campaign
from labelcycle.components.core.campaign.campaign import Campaign, load_campaign
from labelcycle.components.core.campaign.commits import Commit, newest_commit, read_commits
from labelcycle.components.core.campaign.history import History, PastCycle, history_of, read_past_cycles
from labelcycle.components.core.campaign.remeasured import remeasured_summaries
from labelcycle.components.core.campaign.summary import CycleSummary, read_summary
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import ObjectReference

Phase = Literal["new", "labelling", "amended", "done"]


@dataclass(frozen=True)
class State:
    """A campaign, its commits and their summaries.

    Attributes:
        campaign: the campaign, with all its amendments.
        commits: those of all cycles, in order.
        summaries: the headline figures of each.
        later: the newest commit, and those before it that its history leaves out, with their figures.
        history: what the newest commit keeps of the cycles before; empty where a version before histories wrote it.
        amended: the campaign as it began and what was changed since; None where that was not looked at.

    `labelling` means that the last query has still to be answered, whether by people or by a label file that has the
    answers already; `amended` that the last query was empty, but an amendment since lets the campaign ask for more.
    """

    campaign: Campaign
    commits: list[Commit]
    summaries: list[CycleSummary]
    later: list[PastCycle] = field(default_factory=list)
    history: History = field(default_factory=History)
    amended: AmendedCampaign | None = None

    @property
    def phase(self) -> Phase:
        """What comes next."""
        if not self.commits:
            return "new"
        if self.summaries[-1].query_size:
            return "labelling"
        return "amended" if self._may_go_on else "done"

    @property
    def newest_amendment(self) -> ObjectReference | None:
        """The last amendment, as the next cycle's decision names it; None where there is none."""
        return None if self.amended is None else self.amended.newest

    def campaign_of(self, commit: Commit) -> Campaign:
        """The campaign as it was for a committed cycle, with the amendments that its decision knew of."""
        return self.campaign if self.amended is None else self.amended.as_of(commit.objects.get("amendment"))

    @property
    def _may_go_on(self) -> bool:
        """Whether an amendment that no cycle knows of leaves something to ask for; who is told of what is no reason."""
        last, amendment = self.summaries[-1], self.newest_amendment
        if amendment is None or last.final or amendment == self.commits[-1].objects.get("amendment"):
            return False
        known = self.campaign_of(self.commits[-1])
        if known.model_dump(exclude={"notify"}) == self.campaign.model_dump(exclude={"notify"}):
            return False
        return self.campaign.query_size(last.answers + last.outstanding) > 0

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
        return [summary for summary in self.summaries if summary.trained and not summary.final]

    @property
    def measured(self) -> list[CycleSummary]:
        """Those of `trained` whose accuracy was measured on a test set."""
        return [summary for summary in self.trained if summary.accuracy is not None]

    @property
    def final(self) -> CycleSummary | None:
        """The summary of the final model, once the campaign is finalized."""
        return self.summaries[-1] if self.summaries and self.summaries[-1].final else None


def read_state(store: Store) -> State:
    """Read the campaign, its commits and their summaries.

    What a query was worth is known one cycle later, so it is taken from the summary of the cycle after. Where the test
    set has changed the figures of cycles before are those of their models on the present one.

    Cost: for n cycles two listings and at most 4 + log2(n) small reads, and one for each amendment; two small reads a
    cycle, several at once, where a version before histories wrote the newest commit.
    """
    begun = load_campaign(store)
    newest = newest_commit(store)
    amended = read_amended_campaign(store, begun)  # after the commit, which may know of amendments that came just now
    campaign = amended.campaign
    if newest is None:
        return State(campaign, [], [], amended=amended)
    history = history_of(store, newest)
    later = _cycles_after(store, history, newest)
    cycles = [*read_past_cycles(store, history), *later]
    worth = [*(cycle.summary.previous_query for cycle in cycles[1:]), None]
    summaries = [CycleSummary.of(cycle.summary, found) for cycle, found in zip(cycles, worth, strict=True)]
    summaries = remeasured_summaries(store, summaries, newest)
    return State(campaign, [cycle.commit for cycle in cycles], summaries, later, history, amended)


def _cycles_after(store: Store, history: History, newest: Commit) -> list[PastCycle]:
    """The cycles that the history of the newest commit leaves out: that one, or all where it has no history."""
    commits = [newest] if history.cycles == newest.cycle else read_commits(store)
    return concurrently(lambda commit: PastCycle(commit=commit, summary=read_summary(store, commit)), commits)
