"""The labels of a certified share as a folder: `labels.parquet`, `certificate.json` and a plot."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.tables import read_table
from labelcycle.pipelines.autolabel.autolabel_records import (
    AUDIT_ANSWERS,
    MACHINE_LABELS,
    AutolabelPlan,
    Certificate,
)
from labelcycle.pipelines.models.prediction_files import whole_file

LABELS_OUT = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
    ]
)
"""One row a sample. `source` is `machine`, or `audit` where people gave the label."""

LABELS, CERTIFICATE, PLOT = "labels.parquet", "certificate.json", "share.png"


def check_folder(folder: str) -> None:
    """Refuse a place for the labels where there is a file, before people are asked for anything.

    Raises:
        ConfigurationError: there is one.
    """
    if "://" not in folder and Path(folder).exists() and not Path(folder).is_dir():
        raise ConfigurationError(f"--output {folder} is a file. Name a folder.")


def write_certified_labels(
    store: Store, campaign: Campaign, plan: AutolabelPlan, certificate: Certificate, folder: str
) -> int:
    """Write the labels, the certificate and the plot. Returns how many labels there are.

    Samples that people answered about have their label, and are left out where they gave none: both only lower the
    share of labels that are wrong.

    Args:
        store: the campaign's.
        campaign: the campaign.
        plan: the plan.
        certificate: of it.
        folder: a folder or an `s3://` prefix.

    Raises:
        ConfigurationError: a file is in the folder's place.
        TransientError: it cannot be written.

    Cost: reads the plan's tables of labels one after another.
    """
    from labelcycle.pipelines.autolabel.share_plot import draw_share

    check_folder(folder)
    folder, count = folder.rstrip("/"), 0
    try:
        if certificate.step is not None:
            people = _people(store, certificate)
            with whole_file(f"{folder}/{LABELS}") as path, pq.ParquetWriter(path, LABELS_OUT) as writer:
                for reference in plan.labels:
                    table = read_table(store, reference, MACHINE_LABELS)
                    made = _labels(table.filter(pc.greater_equal(table["step"], certificate.step)), people, campaign)
                    writer.write_table(made)
                    count += made.num_rows
        target = open_store(folder)
        target.write(CERTIFICATE, json.dumps(certificate.model_dump(mode="json"), indent=2).encode() + b"\n")
        target.write(PLOT, draw_share(plan, certificate.outcomes))
    except OSError as error:
        raise TransientError(
            f"Cannot write {folder}: {error.strerror or error}. Free space or grant write access, then run again."
        ) from error
    return count


def _people(store: Store, certificate: Certificate) -> dict[str, str | None]:
    """What people said of each sample that they answered about; None where they gave no label."""
    found: dict[str, str | None] = {}
    for outcome in certificate.outcomes:
        table = read_table(store, outcome.answers, AUDIT_ANSWERS)
        found |= dict(zip(table["sample_id"].to_pylist(), table["people"].to_pylist(), strict=True))
    return found


def _labels(table: pa.Table, people: dict[str, str | None], campaign: Campaign) -> pa.Table:
    """Rows of `LABELS_OUT` for rows of `MACHINE_LABELS`."""
    ids, labels = table["sample_id"].to_pylist(), map(campaign.class_of, table["label"].to_pylist())
    given = [people.get(name, label) for name, label in zip(ids, labels, strict=True)]
    sources = ["audit" if name in people else "machine" for name in ids]
    columns = [table["sample_id"], pa.array(given, pa.string()), table["confidence"], pa.array(sources, pa.string())]
    return (
        pa.table(columns, names=LABELS_OUT.names)
        .filter(pa.array([label is not None for label in given]))
        .cast(LABELS_OUT)
    )
