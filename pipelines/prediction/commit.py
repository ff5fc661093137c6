"""The stage prediction_commit: name all parts in one object, and write them into one file where that is asked for."""

from dataclasses import dataclass

import pyarrow.parquet as pq

from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.errors import CampaignError, TransientError
from labelcycle.components.core.runtime.observation import Progress, notice, observed
from labelcycle.components.core.storage import Store, open_store
from labelcycle.pipelines.models.prediction_files import Layout, check_output, prediction_file, whole_file
from labelcycle.pipelines.prediction.prediction_parts import (
    FoundParts,
    PredictionCommit,
    commit_key,
    prediction_schema,
    predictions_in,
    read_prediction_commit,
    tables_of,
    write_prediction_commit,
)
from labelcycle.pipelines.prediction.prediction_plan import PredictionPlan, read_prediction_plan


@dataclass(frozen=True)
class PredictionCommitted(Facts, rows="samples"):
    """What a whole prediction is.

    Attributes:
        prediction: its name.
        samples: how many were classified, or have a reason why not.
        unreadable: how many have none.
        parts: how many parts there are.
        commit: the address of the object that names them.
    """

    prediction: str
    samples: int
    unreadable: int
    parts: int
    commit: str


@observed
def run(root: str, prediction: str, output: str = "") -> PredictionCommitted:
    """Commit a prediction whose shards are all done. Once more it changes nothing.

    Args:
        root: the campaign's folder or S3 prefix.
        prediction: its name, from prediction_start.
        output: a .parquet or .csv file for all rows, a path or `s3://` URI; empty for none.

    Raises:
        ConfigurationError: output is misnamed.
        CampaignError: parts are missing, or one was changed.

    Cost: reads every part once, and once more for the output; memory for a few parts.
    """
    if output:
        check_output(output)
    store = open_store(root)
    plan = read_prediction_plan(store, prediction)
    commit = read_prediction_commit(store, prediction)
    if commit is None:
        commit = write_prediction_commit(store, _commit_of(store, plan))
    if commit.unreadable:
        notice(f"{commit.unreadable} of {plan.samples} samples have no prediction; the column `reason` says why.")
    if output:
        write_predictions(store, commit, output)
    where = store.locate(commit_key(prediction))
    return PredictionCommitted(prediction, plan.samples, commit.unreadable, len(commit.parts), where)


def _commit_of(store: Store, plan: PredictionPlan) -> PredictionCommit:
    there = FoundParts(store, plan.name)
    parts = [there.sound(number) for number in range(plan.parts)]
    found = [part for part in parts if part is not None]
    if len(found) < plan.parts or sum(part.rows for part in found) != plan.samples:
        raise CampaignError(
            f"{plan.parts - len(found)} of {plan.parts} parts of prediction {plan.name} at {store.root} are missing. "
            "Run prediction_parts for every shard first."
        )
    return PredictionCommit(plan=plan, parts=found)


def write_predictions(store: Store, commit: PredictionCommit, output: str, layout: Layout | None = None) -> None:
    """Write all rows of a prediction into one file, which appears when it is whole.

    Parquet has the columns of the parts, and a row group a part; CSV those of `labelcycle predict`.

    Args:
        store: the campaign's.
        commit: the prediction.
        output: a .parquet or .csv file, a path or `s3://` URI.
        layout: the columns of CSV; None for the likeliest class alone.

    Raises:
        CampaignError: a part is gone or was changed.
        TransientError: the file cannot be written.

    Cost: reads every part once; memory for a few.
    """
    with Progress("write", commit.plan.samples, "sample") as progress:
        if output.lower().endswith(".csv"):
            with prediction_file(output, layout or Layout(commit.plan.classes)) as file:
                for table in tables_of(store, commit):
                    file.write(predictions_in(table, commit.plan.classes))
                    progress.advance(table.num_rows)
            return
        try:
            with (
                whole_file(output) as path,
                pq.ParquetWriter(path, prediction_schema(commit.plan), compression="zstd") as writer,
            ):
                for table in tables_of(store, commit):
                    writer.write_table(table, row_group_size=commit.plan.part_rows)
                    progress.advance(table.num_rows)
        except OSError as error:
            raise TransientError(
                f"Cannot write {output}: {error.strerror or error}. Free space or grant write access, then run again."
            ) from error
