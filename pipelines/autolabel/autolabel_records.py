"""What `labelcycle autolabel` keeps in a campaign's root: numbered folders of a plan, answers, steps and a certificate.

Each object is written once, by a conditional write, so that of two runs one counts and the other goes on with it. The
audit is asked for once the plan is there; a step is over once its record is there, and all once the certificate is.
"""

from typing import TypeVar

import pyarrow as pa

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, Record, read_sealed, sealed, write_object
from labelcycle.components.core.storage.tables import table_bytes
from labelcycle.pipelines.autolabel.audit_steps import AuditStep

FOLDER = "autolabel"

MACHINE_LABELS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),
        pa.field("step", pa.int8(), nullable=False),
    ]
)
"""One row a sample that may be labelled by machine, sorted by id. `confidence` is calibrated; `step` is the last one
that has the sample, from 0."""

AUDIT = pa.schema([*MACHINE_LABELS, pa.field("key", pa.uint64(), nullable=False)])
"""One row a sample that people may be asked about. By `key` they are in the random order of the audits."""

AUDIT_ANSWERS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("people", pa.string()),
        pa.field("status", pa.string(), nullable=False),
    ]
)
"""One row an audited sample: the machine's label, that of people, and `ok`, `skip`, `unsure`, `disputed` or `missing`,
where it was withdrawn."""


class AutolabelPlan(Record):
    """What is claimed, and how it is found out. Fixed before people answer.

    Attributes:
        number: its place among the campaign's plans, from 0.
        error: the share of wrong labels that is claimed, at most.
        level: the confidence of the claim.
        audit: the size that was asked for; None where it was chosen.
        most_steps: steps that were asked for.
        prediction: the name of the prediction of the pool.
        model_cycle: the cycle of its model.
        model_commit: the digest of that cycle's commit.
        classes: that model's.
        temperature: what logits were divided by.
        calibrated_on: `test`, `labels` or `nothing`: what the temperature was found on.
        calibrated_with: how many samples of these.
        pool: samples of the pool.
        unlabelled: those that people were not asked about, of which some are labelled by machine.
        steps: largest first.
        labels: tables of `MACHINE_LABELS`, in the order of the ids.
        audits: a table of `AUDIT` with the samples of all audits.
        curve: points of the plot: samples, and the error that confidences let expect.
    """

    number: int
    error: float
    level: float
    audit: int | None
    most_steps: int
    prediction: str
    model_cycle: int
    model_commit: str
    classes: list[str]
    temperature: float
    calibrated_on: str
    calibrated_with: int
    pool: int
    unlabelled: int
    steps: list[AuditStep]
    labels: list[ObjectReference]
    audits: ObjectReference
    curve: list[tuple[int, float]]


class StepOutcome(Record):
    """What the audit of a step found.

    Attributes:
        step: its number, from 0.
        audited: samples that people were asked about, up to where it was decided.
        faults: those whose machine label people did not confirm; without an answer they count as well.
        bound: the upper bound of the error of all samples of the step; 1 where the step was over before all answered.
        certified: whether it is not above what was claimed.
        answers: a table of `AUDIT_ANSWERS`.
    """

    step: int
    audited: int
    faults: int
    bound: float
    certified: bool
    answers: ObjectReference


class Certificate(Record):
    """What came of a plan.

    Attributes:
        number: the plan's.
        error: the share of wrong labels that was claimed, at most.
        level: the confidence of the claim; 1 - level is the risk of all steps together.
        step: the step that is certified, from 0; None where none is.
        samples: its samples; 0 where there is none.
        share: of the pool.
        audited: samples that people answered about, in all steps.
        faults: what the audit of the certified step found; None where there is none.
        bound: the upper bound of its error.
        earlier_plans: plans of this campaign before this one; each had its own risk.
        time: ISO 8601 in UTC.
        outcomes: of all steps that were judged.
    """

    number: int
    error: float
    level: float
    step: int | None
    samples: int
    share: float
    audited: int
    faults: int | None
    bound: float | None
    earlier_plans: int
    time: str
    outcomes: list[StepOutcome]


Kept = TypeVar("Kept", bound=Record)


def place(number: int, name: str) -> str:
    """Where an object of a plan is."""
    return f"{FOLDER}/{number:04d}/{name}"


def write_named(store: Store, number: int, name: str, table: pa.Table) -> ObjectReference:
    """Store a table under a name that ends in its digest."""
    data = table_bytes(table)
    return write_object(store, place(number, f"{name}-{digest_of_bytes(data)[:16]}.parquet"), data)


def keep(store: Store, number: int, name: str, record: Kept) -> Kept:
    """Write a record, unless another run has. Returns the one that counts."""
    if store.write_if_absent(place(number, name), sealed(record.model_dump(mode="json"))):
        return record
    return kept(store, number, name, type(record)) or record


def kept(store: Store, number: int, name: str, kind: type[Kept]) -> Kept | None:
    """A record of a plan; None where it is not there yet.

    Raises:
        CampaignError: it was changed.
    """
    return read_sealed(store, place(number, name), kind, "a record of labelcycle autolabel")


def newest_number(store: Store) -> int | None:
    """The number of the last plan that is there; None where there is none."""
    numbers = sorted(int(name) for name in store.folders(f"{FOLDER}/") if name.isdecimal())
    return next((number for number in reversed(numbers) if store.exists(place(number, "plan.json"))), None)
