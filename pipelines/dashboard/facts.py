"""The dashboard as plain values, for machines."""

from dataclasses import asdict
from typing import Any

from labelcycle.pipelines.dashboard.costs import MarginalGain
from labelcycle.pipelines.dashboard.outlook import outlook_facts
from labelcycle.pipelines.dashboard.view import Standing, View


def status_facts(view: View) -> dict[str, Any]:
    """The status as plain values.

    `state` is `new` (no query yet), `labelling` (the last query has to be answered) or `done`. `cycles` lists the
    cycles that trained a model to choose with; the first query of all, chosen without a model, is under `cold_start`,
    and the model of `labelcycle finalize` under `final`. `labelling` says how far the last query is answered, null
    where none is open or it cannot be told, as `notes` then say. Costs run up from cycle to cycle.
    """
    standing = view.standing
    state, campaign = standing.state, standing.state.campaign
    cold = next((summary for summary in state.summaries if summary.accuracy is None), None)
    return {
        "campaign": campaign.identifier,
        "root": standing.root,
        "recipe": campaign.recipe.name,
        "strategy": campaign.recipe.selector.strategy,
        "state": state.phase,
        "in_words": standing.step.words,
        "next_command": standing.step.command,
        "why_done": state.why_done if state.phase == "done" else None,
        "budget": campaign.budget,
        "batch": campaign.batch,
        "labels": state.summaries[-1].labels if state.summaries else 0,
        "answers": state.summaries[-1].answers if state.summaries else 0,
        "awaited": state.summaries[-1].query_size if state.phase == "labelling" else 0,
        "labelling": outlook_facts(view.outlook),
        "cold_start": None if cold is None else {"cycle": cold.cycle, "query_size": cold.query_size},
        "cycles": [asdict(summary) for summary in state.trained],
        "final": None if state.final is None else asdict(state.final),
        "costs": _cost_facts(standing),
        "marginal_gain": None if standing.gain is None else _gain_facts(standing.gain),
        "report": standing.report,
        "notes": [] if view.note is None else [view.note],
    }


def _cost_facts(standing: Standing) -> list[dict[str, Any]]:
    return [
        {
            "cycle": cost.cycle,
            "label_cost": cost.label_cost,
            "compute_cost": cost.compute_cost,
            "overall_cost": cost.overall_cost,
        }
        for cost in standing.costs
    ]


def _gain_facts(gain: MarginalGain) -> dict[str, Any]:
    return asdict(gain) | {"accuracy_per_label": gain.per_label, "cost_of_a_point": gain.cost_of_a_point}
