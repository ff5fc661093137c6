"""What people's answers say of a step of an audit: how many faults there are, and whether its set is certified."""

from dataclasses import dataclass

import pyarrow as pa

from labelcycle.components.analysis.error_bound import error_bound
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.pipelines.autolabel.audit_steps import AuditStep, audit_rows
from labelcycle.pipelines.autolabel.autolabel_records import AutolabelPlan

AuditedPeople = dict[str, tuple[str | None, str]]
"""Label and status of what people say about each sample that they answered about."""


def audited_labels(plan: AutolabelPlan, audits: pa.Table, number: int) -> dict[str, str]:
    """The machine's label of each sample that people audit in a step, in the order of the audit.

    Args:
        plan: the plan.
        audits: rows of `AUDIT`.
        number: of the step, from 0.
    """
    last, keys = (audits[name].to_numpy() for name in ("step", "key"))
    chosen = audits.take(pa.array(audit_rows(last, keys, number, plan.steps[number].audited)))
    return dict(zip(chosen["sample_id"].to_pylist(), chosen["label"].to_pylist(), strict=True))


@dataclass(frozen=True)
class Judgement:
    """Fields of a `StepOutcome`."""

    audited: int
    faults: int
    bound: float
    certified: bool


def judge(
    step: AuditStep,
    labels: dict[str, str],
    answers: AuditedPeople,
    campaign: Campaign,
) -> Judgement | None:
    """What the answers say of a step: None while they may still say either.

    A label that people do not confirm is a fault: they gave another one, none, or disagree. Samples that were erased
    are faults too. A step with more faults than allowed is over, whoever has still to answer.
    """
    answered = [name for name in labels if name in answers]
    faults = sum(answers[name][0] != campaign.class_of(labels[name]) for name in answered)
    faults += step.audited - len(labels)
    if faults <= step.allowed and len(answered) < len(labels):
        return None
    whole = len(answered) == len(labels)
    bound = error_bound(faults, step.audited, step.risk) if whole else 1.0
    return Judgement(len(answered), faults, round(bound, 6), faults <= step.allowed)
