"""What a campaign shows from Python: its classes, metrics, status and report, and itself in a notebook."""

from typing import TYPE_CHECKING

from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference, read_object
from labelcycle.pipelines.api.campaign_report import CampaignReport
from labelcycle.pipelines.api.html import figures_as_html, listed
from labelcycle.pipelines.api.places import Place, absolute_place
from labelcycle.pipelines.dashboard.view import CampaignStatus, read_status

if TYPE_CHECKING:
    import pandas as pd


class ShownCampaign:
    """A campaign that is there, to be looked at. What is returned was read at that moment."""

    def __init__(self, root: Place) -> None:
        """The campaign at a root, as `Campaign.open`."""
        self.root = absolute_place(root)
        read_state(self._store)

    @property
    def name(self) -> str:
        """The campaign's name, and what makes it unique."""
        return self._state().campaign.identifier

    @property
    def classes(self) -> list[str]:
        """The names that a label can have."""
        return self._state().campaign.classes

    def metrics(self) -> "pd.DataFrame":
        """A row a cycle that trained a model: `cycle`, `labels`, `answers`, `accuracy`, `macro_f1`, `ece`, costs, ….

        `estimate` with `estimate_low` and `estimate_high` stands in for the accuracy where there is no test set;
        `known` and `unknown` say how many samples of the cycle's query its model had right and wrong.
        """
        from labelcycle.pipelines.api.metrics_frame import metrics_frame

        return metrics_frame(self._store, self._state())

    def status(self) -> CampaignStatus:
        """Where the campaign stands: its cycles, their costs, the next step, and where the last report is."""
        return read_status(self._store, self.root)

    def report(self) -> CampaignReport:
        """The report of the last cycle, which notebooks show as it is.

        Raises:
            CampaignError: no cycle has a report yet.
        """
        reference = self._last_report()
        if reference is None:
            raise CampaignError(f"{self.root} has no report yet, since no cycle has trained a model. Call run.")
        return CampaignReport(self._store.locate(reference.key), read_object(self._store, reference).decode())

    def __repr__(self) -> str:
        return f"<Campaign {self.root}>"

    def _repr_html_(self) -> str:
        status = self.status()
        state, campaign = status.state, status.state.campaign
        last = state.summaries[-1] if state.summaries else None
        figures = {
            "root": self.root,
            "recipe": campaign.recipe.name,
            "classes": f"{len(campaign.classes)}: {listed(campaign.classes)}",
            "labels": f"{last.answers if last else 0} of {campaign.budget}",
            "last model": state.trained[-1].accuracy_in_words if state.trained else "none yet",
            "now": status.step.words,
        }
        return figures_as_html(f"Campaign {campaign.identifier}", figures)

    @property
    def _store(self) -> Store:
        return open_store(self.root)

    def _state(self) -> State:
        return read_state(self._store)

    def _last_report(self) -> ObjectReference | None:
        reports = [commit.objects["report"] for commit in self._state().commits if "report" in commit.objects]
        return reports[-1] if reports else None
