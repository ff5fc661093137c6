"""What has been asked so far: the queries of the committed cycles."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.core.storage.tables import QUERY, read_table


def read_query(store: Store, reference: ObjectReference) -> pa.Table:
    """A committed query, best pick first."""
    return read_table(store, reference, QUERY)


def read_queries(store: Store, references: Iterable[ObjectReference]) -> list[pa.Table]:
    """Committed queries in the order of their references, read several at once."""
    return concurrently(lambda reference: read_query(store, reference), references)


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
    """

    sample_id: str
    rank: int
    score: float | None
    reason: str
    predicted: str | None
    confidence: float | None
    explore: bool | None
    opinion: int


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
        )
        for row in query.to_pylist()
    ]


@dataclass(frozen=True)
class LabelRequest:
    """A sample that people were asked about.

    Attributes:
        cycle: the cycle whose query it is in.
        sample_id: the sample.
        opinion: 1 where it was asked for the first time, 2 for a second opinion, and so on.
    """

    cycle: int
    sample_id: str
    opinion: int


def requests_of(store: Store, references: Iterable[ObjectReference]) -> list[LabelRequest]:
    """Every request of the queries of cycles 0, 1, … in their order, best pick first."""
    requests: list[LabelRequest] = []
    for cycle, query in enumerate(read_queries(store, references)):
        rows = zip(query["sample_id"].to_pylist(), query["opinion"].to_pylist(), strict=True)
        requests += [LabelRequest(cycle, sample_id, opinion or 1) for sample_id, opinion in rows]
    return requests


def queried_ids(attempt: Attempt) -> set[str]:
    """Ids of every sample that was asked for before this cycle, answered or not, and is not asked for again.

    None are where training data is selected, since each loop chooses from the whole pool.
    """
    if attempt.campaign.recipe.data_selection is not None:
        return set()
    return {request.sample_id for request in requests_of(attempt.store, attempt.decision.queries)}
