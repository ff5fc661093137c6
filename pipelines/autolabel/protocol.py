"""`labelcycle autolabel`: plan, ask people for an audit, judge it, and go on with a smaller share where it fails.

It may be stopped and called again at any point, and goes on with what the root has.
"""

import shlex
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.own_labels import is_own_table
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.authorship import now
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.core.storage.tables import read_table
from labelcycle.pipelines.autolabel.audit_answers import ask_audit, audit_source, read_audit_answers
from labelcycle.pipelines.autolabel.audit_steps import STEPS, AuditStep, audit_rows, in_steps, plan_steps
from labelcycle.pipelines.autolabel.autolabel_records import (
    AUDIT,
    AUDIT_ANSWERS,
    MACHINE_LABELS,
    AutolabelPlan,
    Certificate,
    StepOutcome,
    keep,
    kept,
    newest_number,
    write_named,
)
from labelcycle.pipelines.autolabel.confidence_calibration import calibrate
from labelcycle.pipelines.autolabel.judgement import audited_labels, judge
from labelcycle.pipelines.autolabel.machine_labels import (
    MachineLabels,
    machine_labels,
    tables_of_rows,
)
from labelcycle.pipelines.models.choice import choose_model
from labelcycle.pipelines.prediction.on_this_machine import whole_prediction
from labelcycle.pipelines.prediction.start import CHAMPION, model_named

CURVE_POINTS = 100


@dataclass(frozen=True)
class Claim:
    """What is to be certified.

    Attributes:
        error: the share of wrong labels, at most.
        level: the confidence of that.
        audit: samples that people look at in each step; None to choose.
        steps: sets that may be certified at most.

    Raises:
        ConfigurationError: one of these cannot be.
    """

    error: float
    level: float = 0.95
    audit: int | None = None
    steps: int = STEPS

    def __post_init__(self) -> None:
        for flag, value in (("--error", self.error), ("--confidence", self.level)):
            if not 0 < value < 1:
                example = f"{value:g} % as {value / 100:g}" if 1 < value < 100 else "2 % as 0.02"
                raise ConfigurationError(f"{flag} {value:g} is not between 0 and 1. Write {example}.")


@dataclass(frozen=True)
class AutolabelState:
    """Where it stands.

    Attributes:
        plan: the plan.
        began: whether this call made it.
        step: the step that is audited now, from 0, or the last one that was.
        awaited: samples of it that people have still to answer about.
        asked: the CSV that asks for them.
        source: where their answers are looked for.
        certificate: None until all is over.
    """

    plan: AutolabelPlan
    began: bool
    step: int
    awaited: int
    asked: str
    source: str
    certificate: Certificate | None


def autolabel(root: str, claim: Claim, labels_from: str = "", model: str = "", anew: bool = False) -> AutolabelState:
    """Go on as far as people's answers allow.

    A plan under way is followed to its end before another one begins, unless it is given up by `anew`.

    Args:
        root: the campaign's folder or S3 prefix.
        claim: what is to be certified.
        labels_from: a label file instead of the campaign's own source and the audit's CSV.
        model: `champion`, `final`, or the number of a cycle; empty for that of the plan, the champion where one is
            begun.
        anew: begin another plan, with an audit of its own.

    Raises:
        ConfigurationError: another claim is under way, the plan was made with another model, the audit is too small,
            no sample is sure enough, or the campaign has no such model.
        InputError: a row of a label file is wrong.

    Cost: that of a prediction of the pool, as far as it is not there; then reads it twice.
    """
    store = open_store(root)
    state = read_state(store)
    if state.campaign.recipe.data_selection is not None:
        raise ConfigurationError("The labels of a campaign that selects training data are all known already.")
    number = newest_number(store)
    plan = None if number is None else kept(store, number, "plan.json", AutolabelPlan)
    if plan is not None and not anew:
        over = kept(store, plan.number, "certificate.json", Certificate)
        if _claim_of(plan) != claim and over is None:
            raise ConfigurationError(
                f"An audit for an error of {plan.error:g} at {plan.level:.0%} is under way. Finish it: labelcycle "
                f"autolabel {shlex.quote(root)} {_flags(plan)}. Or give it up, and begin another one with --anew."
            )
        if _claim_of(plan) == claim:
            _refuse_another_model(root, plan, model, over is not None)
            return _followed(store, state.campaign, plan, over, labels_from, began=False)
    begun = _begin(store, root, state, claim, model or CHAMPION, 0 if number is None else number + 1)
    return _followed(store, state.campaign, begun, None, labels_from, began=True)


def _refuse_another_model(root: str, plan: AutolabelPlan, model: str, over: bool) -> None:
    """Refuse to show a plan to somebody who names a model that it was not made with."""
    if not model or (named := model_named(root, model)).commit.digest == plan.model_commit:
        return
    command = f"labelcycle autolabel {shlex.quote(root)} {_flags(plan)}"
    raise ConfigurationError(
        f"Plan {plan.number + 1} of this campaign, which is {'finished' if over else 'under way'}, was made with the "
        f"model of cycle {plan.model_cycle}, not with {named.title}. {'See' if over else 'Follow'} it without --model: "
        f"{command}. Or begin another one, with an audit of its own: {command} --model {model} --anew"
    )


def _claim_of(plan: AutolabelPlan) -> Claim:
    return Claim(plan.error, plan.level, plan.audit, plan.most_steps)


def _flags(plan: AutolabelPlan) -> str:
    """The command line that the plan was made by."""
    audit = "" if plan.audit is None else f" --audit {plan.audit}"
    return f"--error {plan.error:g} --confidence {plan.level:g}{audit} --steps {plan.most_steps}"


def _begin(store: Store, root: str, state: State, claim: Claim, model: str, number: int) -> AutolabelPlan:
    """Make the plan, unless another run has."""
    prediction = whole_prediction(root, model)
    chosen = choose_model(root, prediction.plan.model_cycle)
    calibration = calibrate(chosen, state)
    found = machine_labels(store, state, prediction, calibration, number)
    planned = plan_steps(found.confidence, found.keys, claim.error, claim.level, claim.audit, claim.steps)
    if not planned.steps:
        raise ConfigurationError(
            "No set of samples that is larger than its audit is expected to have few enough wrong labels of "
            f"{chosen.title}. Label more, or raise --error."
        )
    order = np.argsort(planned.rows)
    rows, last = planned.rows[order], in_steps(planned)[order]
    keys, confidence = found.keys[rows], found.confidence[rows]
    audited = [audit_rows(last, keys, step, one.audited) for step, one in enumerate(planned.steps)]
    of_audits = np.unique(np.concatenate(audited))
    values: dict[str, npt.NDArray[np.generic]] = {"confidence": confidence, "step": last, "key": keys}
    labels, audits = list[ObjectReference](), list[pa.Table]()
    start = 0
    for table in tables_of_rows(store, prediction, rows, values):
        labels.append(write_named(store, number, f"labels-{len(labels):06d}", table.select(MACHINE_LABELS.names)))
        low, high = np.searchsorted(of_audits, [start, start + table.num_rows])
        audits.append(table.take(pa.array(of_audits[low:high] - start)).select(AUDIT.names))
        start += table.num_rows
    plan = AutolabelPlan(
        number=number,
        error=claim.error,
        level=claim.level,
        audit=claim.audit,
        most_steps=claim.steps,
        prediction=prediction.plan.name,
        model_cycle=prediction.plan.model_cycle,
        model_commit=prediction.plan.model_commit,
        classes=prediction.plan.classes,
        temperature=calibration.temperature,
        calibrated_on=calibration.on,
        calibrated_with=calibration.samples,
        pool=found.pool,
        unlabelled=found.unlabelled,
        steps=planned.steps,
        labels=labels,
        audits=write_named(store, number, "audits", pa.concat_tables(audits).cast(AUDIT)),
        curve=_curve(found),
    )
    return keep(store, number, "plan.json", plan)


def _curve(found: MachineLabels) -> list[tuple[int, float]]:
    """How many of the surest samples are expected to have which share of wrong labels."""
    confidence = np.sort(found.confidence[~np.isnan(found.confidence)])[::-1].astype(np.float64)
    if not len(confidence):
        return []
    wrong = np.cumsum(1 - confidence) / np.arange(1, len(confidence) + 1)
    points = np.unique(np.linspace(1, len(confidence), CURVE_POINTS).astype(np.int64))
    return [(int(point), round(float(wrong[point - 1]), 6)) for point in points]


def _followed(
    store: Store, campaign: Campaign, plan: AutolabelPlan, over: Certificate | None, labels_from: str, began: bool
) -> AutolabelState:
    """Judge step after step, until answers are awaited or all is over."""
    if over is not None:
        return AutolabelState(plan, False, max(0, len(over.outcomes) - 1), 0, "", "", over)
    audits = read_table(store, plan.audits, AUDIT)
    outcomes: list[StepOutcome] = []
    for number, step in enumerate(plan.steps):
        outcome = kept(store, plan.number, f"step-{number + 1}.json", StepOutcome)
        if outcome is None:
            outcome, awaited, asked = _judged(store, campaign, plan, audits, number, labels_from)
            if outcome is None:
                source = audit_source(campaign, labels_from)
                where = asked if source is None else store.locate(source) if is_own_table(source) else source
                return AutolabelState(plan, began, number, awaited, asked, where, None)
        outcomes.append(outcome)
        if outcome.certified:
            return AutolabelState(plan, began, number, 0, "", "", _certified(store, plan, outcomes, step))
    return AutolabelState(plan, began, len(plan.steps) - 1, 0, "", "", _certified(store, plan, outcomes, None))


def _judged(
    store: Store, campaign: Campaign, plan: AutolabelPlan, audits: pa.Table, number: int, labels_from: str
) -> tuple[StepOutcome | None, int, str]:
    """The outcome of a step; or None, how many answers are awaited, and the CSV that asks for them."""
    step, labels = plan.steps[number], audited_labels(plan, audits, number)
    every = set(audits["sample_id"].to_pylist())
    answers = read_audit_answers(store, campaign, plan.number, number, every, labels_from)
    unanswered = [name for name in labels if name not in answers]
    where = ask_audit(store, campaign, plan.number, number, unanswered, labels_from) if unanswered else ""
    if audit_source(campaign, labels_from) is None:
        answers = read_audit_answers(store, campaign, plan.number, number + 1, every, labels_from)
    gone = read_withdrawn(store, campaign)
    answers |= {name: (None, "missing") for name in labels if name in gone}
    awaited = sum(name not in answers for name in labels)
    outcome = judge(step, labels, answers, campaign)
    if outcome is None:
        return None, awaited, where
    rows = [
        {"sample_id": name, "label": labels[name], "people": answers[name][0], "status": answers[name][1]}
        for name in sorted(labels)
        if name in answers
    ]
    table = pa.Table.from_pylist(rows, schema=AUDIT_ANSWERS)
    reference = write_named(store, plan.number, f"answers-{number + 1}", table)
    record = StepOutcome(step=number, answers=reference, **asdict(outcome))
    return keep(store, plan.number, f"step-{number + 1}.json", record), 0, where


def _certified(store: Store, plan: AutolabelPlan, outcomes: list[StepOutcome], step: AuditStep | None) -> Certificate:
    people = set[str]()
    for outcome in outcomes:
        people.update(read_table(store, outcome.answers, AUDIT_ANSWERS)["sample_id"].to_pylist())
    last = outcomes[-1]
    certificate = Certificate(
        number=plan.number,
        error=plan.error,
        level=plan.level,
        step=None if step is None else last.step,
        samples=0 if step is None else step.samples,
        share=0.0 if step is None else round(step.samples / plan.pool, 6),
        audited=len(people),
        faults=None if step is None else last.faults,
        bound=None if step is None else last.bound,
        earlier_plans=plan.number,
        time=now(),
        outcomes=outcomes,
    )
    return keep(store, plan.number, "certificate.json", certificate)
