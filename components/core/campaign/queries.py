"""What has been asked so far: the queries of the committed cycles."""

from dataclasses import dataclass

import pyarrow as pa

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.starting_labels import starting_votes
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.core.storage.tables import QUERY, read_table


def read_query(store: Store, reference: ObjectReference) -> pa.Table:
    """A committed query, best pick first."""
    return read_table(store, reference, QUERY)


@dataclass(frozen=True)
class Pick:
    """A row of a query.

    Attributes:
        sample_id: the sample.
        rank: its place in the query, from 1.
        score: the strategy's, None where it has none.
        reason: why it was chosen, in words.
        predicted: the model's class; None where no model asked.
        confidence: the model's probability of that class; None where no model asked.
        explore: whether it was drawn at random; queries of earlier versions do not say.
        opinion: 1 where the sample was asked for the first time, 2 for a second opinion, and so on.
        recheck: whether the label is asked for again because the model doubts it.
    """

    sample_id: str
    rank: int
    score: float | None
    reason: str
    predicted: str | None
    confidence: float | None
    explore: bool | None
    opinion: int
    recheck: bool = False


def picks_of(query: pa.Table) -> list[Pick]:
    """The rows of a query, in its order."""
    return [
        Pick(
            sample_id=row["sample_id"],
            rank=row["rank"],
            score=row["score"],
            reason=row["reason"],
            predicted=row["predicted"],
            confidence=row["confidence"],
            explore=row["explore"],
            opinion=row["opinion"] or 1,
            recheck=row["recheck"] is True,
        )
        for row in query.to_pylist()
    ]


def requests_in(table: pa.Table) -> list[LabelRequest]:
    """Rows of `REQUESTS` as requests, in their order."""
    columns = (table[name].to_pylist() for name in ("cycle", "sample_id", "opinion", "recheck"))
    return [
        LabelRequest(cycle, sample_id, opinion or 1, recheck is True)
        for cycle, sample_id, opinion, recheck in zip(*columns, strict=True)
    ]


def queried_ids(attempt: Attempt) -> set[str]:
    """Ids of every sample that was asked for before this cycle, answered or not, and is not asked for again.

    Those whose labels the campaign began with are among them. None are where training data is selected and each loop
    chooses from the whole pool.
    """
    selection = attempt.campaign.recipe.data_selection
    if selection is not None and selection.earlier_picks == "candidates":
        return set()
    known = {vote.sample_id for vote in starting_votes(attempt.store, attempt.campaign)}
    return known.union(attempt.requests()["sample_id"].to_pylist())
