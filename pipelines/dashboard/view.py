"""What `labelcycle status` shows of a campaign at one moment: cycles, costs, who is awaited; also as plain values.

A label source that cannot be read costs that part of the status alone.
"""

import shlex
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from labelcycle.components.analysis.cost import RunningCost, running_costs
from labelcycle.components.analysis.verdict import Verdict, verdict_of
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics, last_metrics
from labelcycle.components.core.campaign.label_quality import RecheckFigures
from labelcycle.components.core.campaign.price_history import price_history_before, prices_by_cycle
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.runtime.seconds_by_cycle import seconds_by_cycle
from labelcycle.components.core.runtime.timings import Used
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.dashboard.next_step import NextStep, next_step

if TYPE_CHECKING:
    from labelcycle.components.label_ingest.awaited_labels import AwaitedLabels


@dataclass(frozen=True)
class MarginalGain:
    """What the labels of the last trained cycle brought over the cycle before.

    Attributes:
        labels: how many answers were paid for in between.
        accuracy: by how much the test accuracy rose; negative where it fell.
        cost: what these labels cost; computing is not in it.
    """

    labels: int
    accuracy: float
    cost: float

    @property
    def per_label(self) -> float:
        """Accuracy gained by a label."""
        return self.accuracy / self.labels

    @property
    def cost_of_a_point(self) -> float | None:
        """The price of a hundredth of accuracy; None where none was gained."""
        return self.cost / (100 * self.accuracy) if self.accuracy > 0 else None


def costs_so_far(store: Store, state: State) -> list[RunningCost]:
    """The running cost after each committed cycle.

    Cost: nothing where computing is free. Else one read, and for a last cycle that nobody has summed up yet a listing
    and a small read for each run of its stages.
    """
    cycles = [summary.cycle for summary in state.summaries]
    answers = [summary.answers for summary in state.summaries]
    prices = prices_by_cycle(state)
    costs = any(price.computing_costs for price in prices)
    used = seconds_by_cycle(store, len(cycles)) if costs else [Used()] * len(cycles)
    return running_costs(cycles, answers, used, prices)


def marginal_gain(state: State) -> MarginalGain | None:
    """What the labels of the last trained cycle brought; None before there are two, or where none were added."""
    if len(state.measured) < 2:
        return None
    before, last = state.measured[-2:]
    labels = last.answers - before.answers
    if labels <= 0 or last.accuracy is None or before.accuracy is None:
        return None
    prices = price_history_before(state, len(state.commits), state.campaign.prices)
    cost = prices.of_labels(last.answers) - prices.of_labels(before.answers)
    return MarginalGain(labels, last.accuracy - before.accuracy, cost)


def read_awaited_labels(store: Store, state: State) -> "tuple[AwaitedLabels | None, str | None]":
    """How far the last query is answered, or why that is not known; neither where no query is open."""
    if state.phase != "labelling":
        return None, None
    from labelcycle.components.label_ingest.awaited_labels import awaited_labels

    try:
        return awaited_labels(store, state), None
    except LabelcycleError as error:
        return None, f"it is not known now who still has to label: {error}"


def awaited_facts(awaited_labels: "AwaitedLabels | None") -> dict[str, object] | None:
    """Plain values for machines."""
    return None if awaited_labels is None else asdict(awaited_labels)


@dataclass(frozen=True)
class CampaignStatus:
    """What the commits say.

    Attributes:
        root: the campaign's root as the user wrote it.
        state: its commits and their summaries.
        costs: the running cost after each of them.
        gain: what the last labels brought; None while that cannot be said.
        step: the phase in words, and what to do next.
        report: where the last report is; None before the first.
        labels_by_class: labels that the last model learnt from, by class; empty before the first.
        rechecks: what came of asking again for labels; None where that was not done.
        verdict: on the last model, as its report says it, by the campaign as it is now; None before the first.
    """

    root: str
    state: State = field(repr=False)
    costs: list[RunningCost]
    gain: MarginalGain | None
    step: NextStep
    report: str | None
    labels_by_class: dict[str, int] = field(default_factory=dict)
    rechecks: RecheckFigures | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class View:
    """What the commits say, and who is awaited.

    Attributes:
        status: from the commits.
        waited_for: how far the last query is answered; None where no query is open, or it is not known.
        note: why it is not known.
    """

    status: CampaignStatus
    waited_for: "AwaitedLabels | None"
    note: str | None


def read_status(store: Store, root: str) -> CampaignStatus:
    """Read the campaign's commits, their summaries and costs.

    Raises:
        CampaignError: no campaign there, or it is damaged.
        TransientError: the store does not answer.
    """
    state = read_state(store)
    metrics = last_metrics(store, state.commits)
    reports = [commit.objects["report"].key for commit in state.commits if "report" in commit.objects]
    return CampaignStatus(
        root=root,
        state=state,
        costs=costs_so_far(store, state),
        gain=marginal_gain(state),
        step=next_step(store, state, root),
        report=store.locate(reports[-1]) if reports else None,
        labels_by_class={} if metrics is None else metrics.labels_by_class or {},
        rechecks=None if metrics is None else metrics.rechecks,
        verdict=None if metrics is None else _verdict(state, metrics, root),
    )


def _verdict(state: State, metrics: CycleMetrics, root: str) -> Verdict:
    """The verdict on the last model, with the root as the user wrote it."""
    summary = next(found for found in reversed(state.summaries) if found.cycle == metrics.cycle)
    found = verdict_of(state.campaign, metrics, summary, summary.query_size, state.phase == "amended")
    return found.at(shlex.quote(root))


def read_view(store: Store, status: CampaignStatus) -> View:
    """The status, with who is awaited now."""
    waited_for, note = read_awaited_labels(store, status.state)
    return View(status, waited_for, note)


def status_facts(view: View) -> dict[str, object]:
    """The status as plain values.

    `verdict` is that of the last report, null before the first. `state` is `new` (no query yet), `labelling` (the last
    query has to be answered), `amended` (it was empty, but an amendment lets the campaign go on) or `done`. `cycles`
    lists the cycles that trained a model to choose with; the first query of all, chosen without a model, is under
    `cold_start`, and the model of `labelcycle finalize` under `final`. `labelling` says how far the last query is
    answered, null where none is open or it is not known, as `notes` then say. Costs run up from cycle to cycle.
    """
    status = view.status
    state, campaign = status.state, status.state.campaign
    cold = next((summary for summary in state.summaries if not summary.trained), None)
    return {
        "campaign": campaign.identifier,
        "root": status.root,
        "recipe": campaign.recipe.name,
        "strategy": campaign.recipe.selector.strategy,
        "verdict": None if status.verdict is None else status.verdict.as_facts(),
        "state": state.phase,
        "in_words": status.step.words,
        "next_command": status.step.command,
        "why_done": state.why_done if state.phase == "done" else None,
        "budget": campaign.budget,
        "batch": campaign.batch,
        "amendments": []
        if state.amended is None
        else [each.model_dump(mode="json") for each in state.amended.amendments],
        "labels": state.summaries[-1].labels if state.summaries else 0,
        "answers": state.summaries[-1].answers if state.summaries else 0,
        "labels_by_class": status.labels_by_class,
        "rechecks": None if status.rechecks is None else status.rechecks.as_json(),
        "awaited": state.summaries[-1].query_size if state.phase == "labelling" else 0,
        "labelling": awaited_facts(view.waited_for),
        "cold_start": None if cold is None else {"cycle": cold.cycle, "query_size": cold.query_size},
        "cycles": [_cycle_facts(summary) for summary in state.trained],
        "final": None if state.final is None else _cycle_facts(state.final),
        "costs": _cost_facts(status),
        "marginal_gain": None if status.gain is None else _gain_facts(status.gain),
        "report": status.report,
        "notes": [] if view.note is None else [view.note],
    }


def _cycle_facts(summary: CycleSummary) -> dict[str, object]:
    """The figures of a cycle; what is said of testing where that differs from cycle to cycle."""
    facts = asdict(replace(summary, estimate=None))
    if summary.estimate is None:
        del facts["estimate"]
    else:
        facts["estimate"] = summary.estimate.as_json()
    if summary.test_samples is None:
        del facts["test_samples"]
    return facts


def _cost_facts(status: CampaignStatus) -> list[dict[str, object]]:
    return [
        {
            "cycle": cost.cycle,
            "label_cost": cost.label_cost,
            "compute_cost": cost.compute_cost,
            "overall_cost": cost.overall_cost,
        }
        for cost in status.costs
    ]


def _gain_facts(gain: MarginalGain) -> dict[str, object]:
    return asdict(gain) | {"accuracy_per_label": gain.per_label, "cost_of_a_point": gain.cost_of_a_point}
