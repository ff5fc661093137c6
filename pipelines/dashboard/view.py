"""All that the dashboard shows of a campaign at one moment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labelcycle.components.core.state import State, read_state
from labelcycle.components.core.storage import Store
from labelcycle.components.evaluate.cost import CycleCost
from labelcycle.pipelines.dashboard.costs import MarginalGain, costs_so_far, marginal_gain
from labelcycle.pipelines.dashboard.next_step import NextStep, next_step
from labelcycle.pipelines.dashboard.outlook import read_outlook

if TYPE_CHECKING:
    from labelcycle.components.label_ingest.outlook import Outlook


@dataclass(frozen=True)
class Standing:
    """What the commits say.

    Attributes:
        root: the campaign's root as the user wrote it.
        state: its commits and their summaries.
        costs: the running cost after each of them.
        gain: what the last labels brought; None while that cannot be said.
        step: the phase in words, and what to do next.
        report: where the last report is; None before the first.
    """

    root: str
    state: State
    costs: list[CycleCost]
    gain: MarginalGain | None
    step: NextStep
    report: str | None


@dataclass(frozen=True)
class View:
    """What the commits say, and who is awaited.

    Attributes:
        standing: from the commits.
        outlook: how far the last query is answered; None where no query is open, or it cannot be told.
        note: why it cannot be told.
    """

    standing: Standing
    outlook: "Outlook | None"
    note: str | None


def read_standing(store: Store, root: str) -> Standing:
    """Read the campaign's commits, their summaries and costs.

    Raises:
        CampaignError: no campaign there, or it is damaged.
        TransientError: the store does not answer.
    """
    state = read_state(store)
    reports = [commit.objects["report"].key for commit in state.commits if "report" in commit.objects]
    return Standing(
        root=root,
        state=state,
        costs=costs_so_far(store, state),
        gain=marginal_gain(state),
        step=next_step(store, state, root),
        report=store.locate(reports[-1]) if reports else None,
    )


def read_view(store: Store, standing: Standing) -> View:
    """The standing, with who is awaited now."""
    outlook, note = read_outlook(store, standing.state)
    return View(standing, outlook, note)
