"""Rechecks: a share of each query goes to labels that the model doubts most, asked again blind to the first answer."""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from labelcycle.components.analysis.label_noise import doubted_labels
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.queries import requests_in
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.features.spaces import FeatureSpace, holds_pool

REASON = "recheck: the model doubts the label"
"""For those who look into the query. People who label see no reasons and no predictions where there are rechecks."""


@dataclass(frozen=True)
class Recheck:
    """A sample whose label is asked for again, and which request for the sample it is."""

    sample_id: str
    opinion: int


def allowance(share: float, asked: int, size: int) -> int:
    """How many of the next `size` requests may be rechecks, after `asked` earlier ones.

    Parts of a request are carried on from query to query: of queries of ten, every second has one at a share of 0.05.
    """
    return math.floor(round(share * (asked + size), 9)) - math.floor(round(share * asked, 9))


def rechecks(work: Attempt, besides: set[str], most: int) -> list[Recheck]:
    """The samples whose label this cycle asks for again, the most doubtful first.

    Only labels that the model would not have given are asked for again, each once in a campaign; none of a sample that
    still waits for answers, or that must not be asked for.

    Args:
        work: the attempt.
        besides: samples that are asked for again already.
        most: how many the query has room for.

    Cost: reads the queries so far, the consensus and the features of the labelled samples; a cross-validated logistic
    regression on these.
    """
    share = work.campaign.recipe.selector.recheck
    if share == 0 or not work.decision.trains:
        return []
    made = requests_in(work.requests())
    size = min(most, allowance(share, len(made), work.decision.query_size))
    if size <= 0:
        return []
    asked = Counter(request.sample_id for request in made)
    passed_over = besides.union(work.campaign.recipe.selector.exclude)
    passed_over.update(request.sample_id for request in made if request.recheck)
    consensus = work.consensus()
    votes = dict(zip(consensus["sample_id"].to_pylist(), consensus["votes"].to_pylist(), strict=True))
    quorum = work.campaign.labelling.quorum
    labelled = work.labelled()
    ids, features = FeatureSpace(work.store, _space(work)).read(sorted(labelled))
    doubted = doubted_labels(ids, features, [labelled[name] for name in ids], work.campaign.classes)
    names = [label.sample_id for label in doubted if label.sample_id not in passed_over]
    answered = [name for name in names if votes[name] >= asked[name] * quorum]
    return [Recheck(name, max(1, asked[name]) + 1) for name in answered[:size]]


def mixed_in(query: pa.Table, again: list[Recheck], work: Attempt) -> pa.Table:
    """The query with the rechecks at random places among its rows, so that none is told by its rank.

    They carry no prediction, so as not to sway, and nothing of the first answer.

    Args:
        query: rows of `QUERY`, best first.
        again: the rechecks.
        work: the attempt, whose seed and cycle decide the places.
    """
    if not again:
        return query
    rows = [
        {"sample_id": each.sample_id, "rank": 0, "reason": REASON, "explore": False, "opinion": each.opinion}
        | {"recheck": True}
        for each in again
    ]
    table = pa.concat_tables([query, pa.Table.from_pylist(rows, schema=query.schema)])
    share = keyed_order([each.sample_id for each in again], work.campaign.seed, work.cycle, "recheck") / 2.0**64
    places = np.concatenate([np.arange(query.num_rows), share * query.num_rows - 0.5])
    table = table.take(pa.array(np.argsort(places, kind="stable")))
    ranks = pa.array(range(1, table.num_rows + 1), query.schema.field("rank").type)
    return table.set_column(query.schema.get_field_index("rank"), query.schema.field("rank"), ranks)


def _space(work: Attempt) -> str:
    """The backbone's own features where the pool has them, like those that suspects are found by; else the model's."""
    base = work.campaign.base_space
    return base if holds_pool(work, base) else work.read_record("training.json", TrainingFacts).space
